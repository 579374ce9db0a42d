"""Detection of the source profile of a file, from the fields of its records."""

from collections.abc import Collection, Sequence

from amazon_reviews.errors import ProfileError
from amazon_reviews.profiles.profile import Profile


def detect(profiles: Sequence[Profile], present: Collection[str], path: str) -> Profile | None:
    """Return the profile that fits a file with these fields, None if none does.

    A profile fits if the fields that it requires are present. Of several the one that reads most
    of the fields is taken; people's own profiles come before the built-in ones.

    Raises:
        ProfileError: two profiles fit equally. The text names the file and both.
    """
    fitting = [profile for profile in profiles if not profile.missing(present)]
    own = [profile for profile in fitting if not profile.built_in]
    ranked = sorted(own or fitting, key=lambda profile: _known(profile, present), reverse=True)
    if len(ranked) > 1 and _known(ranked[0], present) == _known(ranked[1], present):
        raise ProfileError(
            f"{path}: the profiles {ranked[0].name} and {ranked[1].name} fit equally; put a "
            "profile.yaml beside the file that says which fields to read"
        )
    return ranked[0] if ranked else None


def nearest(profiles: Sequence[Profile], present: Collection[str]) -> Profile:
    """Return the profile that comes nearest to fitting a file with these fields."""
    return max(
        profiles,
        key=lambda profile: (
            len(profile.requires) - len(profile.missing(present)),
            _known(profile, present),
            -len(profile.requires),
        ),
    )


def _known(profile: Profile, present: Collection[str]) -> int:
    return sum(field in present for field in profile.source_fields)
