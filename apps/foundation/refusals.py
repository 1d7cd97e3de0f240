"""The only expected error. Whatever else is raised is a defect and is treated as one.

A refusal says what was refused and what mends it, in words for the person who reads it, and carries no personal data:
it ends up on screens, in API answers and in logs.
"""


class Refusal(Exception):
    """Something was asked that may not be done. `code` is stable for machines, `mend` tells a person what to do."""

    code = "refused"
    mend = "Change what was asked and try again."

    def __init__(self, what: str = "", *, mend: str | None = None, code: str | None = None):
        super().__init__(what or (self.__doc__ or "Refused.").strip().splitlines()[0])
        if mend is not None:
            self.mend = mend
        if code is not None:
            self.code = code

    @property
    def what(self) -> str:
        return str(self.args[0])

    def as_dict(self) -> dict[str, str]:
        """The refusal as an API answers it: code, what, mend."""
        return {"code": self.code, "what": self.what, "mend": self.mend}
