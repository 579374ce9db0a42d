"""Names of the files of a source profile, as they are published."""

from dataclasses import dataclass

CATEGORIES = (
    "All_Beauty",
    "Digital_Music",
    "Gift_Cards",
    "Grocery_and_Gourmet_Food",
    "Magazine_Subscriptions",
    "Musical_Instruments",
    "Software",
    "Video_Games",
)


@dataclass(frozen=True)
class FileNames:
    """Names of the files of a partition.

    `stem` may contain {category}, which changes with the partition, and {number} of the file. A
    later file with the stem of an earlier one has its number at the end of the stem.
    """

    stem: str
    suffix: str

    def listed(self, partition: int, count: int, compress: bool) -> list[str]:
        """Return `count` names for a partition, which has a number from 1.

        Names end in `.gz` only with `compress`, and only where the published ones do.
        """
        suffix = self.suffix if compress else self.suffix.removesuffix(".gz")
        category = CATEGORIES[(partition - 1) % len(CATEGORIES)]
        names: list[str] = []
        for number in range(count):
            stem = self.stem.format(category=category, number=number)
            repeated = f"{stem}{suffix}" in names
            names.append(f"{stem}_{number + 1}{suffix}" if repeated else f"{stem}{suffix}")
        return names
