"""The reasons for which a file or folder of the landing zone is not read, each with the advice."""

from amazon_reviews.config import LANDING_LINKS

EXTENSION = "unknown extension"
FOLDER_WITHOUT_FILES = "folder without files"

_REMOVE = "or remove it"
NO_FILE_ADVICE = f"put a file there instead, {_REMOVE}"

EMPTY = ("empty file (0 bytes)", f"upload it again, {_REMOVE}")
EMPTY_FOLDER = (FOLDER_WITHOUT_FILES, f"put its files there, {_REMOVE}")
UNFINISHED = ("upload or download that has not ended", f"wait for its end, repeat it, {_REMOVE}")
UNDERSCORE = ("name with a leading underscore", f"give it another name, {_REMOVE}")
NOT_UTF8 = ("name that is not UTF-8", "give it another name")
SUBFOLDER = (
    "sub-folder of a partition",
    "move it beside the partition's folder, or its files into that folder",
)
FOLDER_OF_FILES = ("sub-folder, where files are side by side", "move its files one folder up")
SAME_NAME = ("folder with the name of a file", "give one of both another name")
PROFILE = (
    "profile beside no file of a partition",
    "move it into the folder that holds the files, or into the dataset's folder",
)
SECOND_PROFILE = ("second profile of a folder", "keep profile.yaml only")
NOWHERE = ("link to nowhere", f"repair it, {_REMOVE}")
OUTSIDE = (
    "link that leads out of the landing zone",
    f"put the file itself there, or set {LANDING_LINKS}=true",
)
LOOP = ("link loop", "remove it")
CLOSED = ("not readable (permission denied)", f"let the user of this process read it, {_REMOVE}")
NOT_AVRO = ("not an Avro file of Event Hubs Capture", "move it to the folder of its dataset")
PARQUET_CAPTURE = (
    "Parquet file of Event Hubs Capture, which has no sequence numbers",
    "let Capture write Avro files",
)
