"""Why a file is not read. The code says which bound it broke; nothing of the file is in it."""

from apps.foundation.refusals import Refusal

#: code → what is the matter, and what its owner can do
WHY: dict[str, tuple[str, str]] = {
    "too_large": ("The file is larger than may be read.", "Export it without pictures and attachments, or in several files."),
    "line_too_long": ("A line of the file is longer than may be read.", "Export it without pictures and attachments."),
    "too_many": ("The file has more lines, entries or details than may be read.", "Export a part of it, or several files."),
    "too_deep": ("The file nests deeper than any address book or calendar does.", "Export it anew from the program that it comes from."),
    "too_much_encoded": ("Too much of the file is encoded as quoted-printable.", "Export it anew as vCard 3 or 4."),
    "took_too_long": ("Reading the file took too long.", "Export it anew, without entries that recur every minute or without end."),
    "took_too_much_memory": ("Reading the file took too much memory.", "Export a part of it, or several files."),
    "unreadable": ("The file can't be read as what it should be.", "Export it anew, as vCard (.vcf) or iCalendar (.ics)."),
}


class FileRefused(Refusal):
    """A file is not read, and nothing of it is kept."""

    code = "unreadable"
    mend = "Export the file anew."

    @classmethod
    def because(cls, code: str) -> "FileRefused":
        what, mend = WHY[code]
        return cls(what, mend=mend, code=code)
