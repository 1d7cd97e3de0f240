"""What a person sees when a start cannot go on: what is wrong and what mends it, never a traceback."""


class Trouble(Exception):
    """An expected obstacle on this machine, told together with its mend."""

    def __init__(self, what, mend):
        super().__init__(what, mend)
        self.what = what
        self.mend = mend

    def __str__(self):
        return f"{self.what}\n  Mend: {self.mend}"
