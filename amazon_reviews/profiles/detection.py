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
    ranked = sorted(
        own or fitting, key=lambda profile: known_fields(profile, present), reverse=True
    )
    if len(ranked) > 1 and known_fields(ranked[0], present) == known_fields(ranked[1], present):
        raise ProfileError(
            f"{path}: the profiles {ranked[0].name} and {ranked[1].name} fit equally; put a "
            "profile.yaml beside the file that says which fields to read"
        )
    return ranked[0] if ranked else None


def nearest(profiles: Sequence[Profile], present: Collection[str]) -> list[Profile]:
    """Return the profiles by how near they come to fitting a file with these fields."""
    return sorted(
        profiles,
        key=lambda profile: (
            len(profile.requires) - len(profile.missing(present)),
            known_fields(profile, present),
            -len(profile.requires),
        ),
        reverse=True,
    )


def known_fields(profile: Profile, present: Collection[str]) -> int:
    """Count the fields of a file that a profile reads."""
    return sum(field in present for field in profile.source_fields)
