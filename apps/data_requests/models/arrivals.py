"""What came in by a channel, before anything is looked up: one row, sealed, so that a form answers everybody alike and no request is lost."""

from django.db import models
from django.db.models import Q

from apps.data_requests.models.columns import by_whom, digest_of_address, sealed
from apps.data_requests.states import ArrivalState, Channel
from apps.foundation.references import new_reference

#: a flood makes a hundred thousand in an hour: with seven characters one of them would be taken already
REFERENCE_LENGTH = 10


def arrival_reference() -> str:
    return new_reference("ARR", REFERENCE_LENGTH)


class Arrival(models.Model):
    """A form, a mail or a call of the API as it came; the work list of the intake. The secret `arrival/<day>` goes when its whole day is settled."""

    NOT_PERSONAL = (
        "id", "reference", "channel", "state", "received_at", "attempts", "leased_until", "next_try_at", "parked_at", "settled_at", "code",
        "request", "external_key",
    )  # fmt: skip

    reference = models.CharField(max_length=20, unique=True, default=arrival_reference, editable=False)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    state = models.CharField(max_length=12, choices=ArrivalState.choices, default=ArrivalState.WAITING)
    words = sealed("All that came in, as canonical JSON, sealed; emptied when it is settled.", null=True)
    from_digest = digest_of_address("The address that it gives, keyed; only to cap mails and to find a flood.", null=True)
    prefix_digest = digest_of_address("The network prefix that it came from, keyed; only to find a flood.", null=True)
    external_key = models.CharField(max_length=80, blank=True, help_text="What makes it the same as one that came before: a digest or a key.")
    received_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = by_whom(blank=True)
    code = models.CharField("why", max_length=40, blank=True)
    request = models.ForeignKey("data_requests.DataRequest", null=True, on_delete=models.PROTECT, related_name="arrivals")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="an_arrival_comes_once", fields=["channel", "external_key"], condition=~Q(external_key="")),
            models.CheckConstraint(
                name="an_arrival_that_was_taken_names_its_request", condition=~Q(state=ArrivalState.TAKEN) | Q(request__isnull=False)
            ),
            models.CheckConstraint(
                name="a_settled_arrival_keeps_no_words",
                condition=~Q(state__in=(ArrivalState.TAKEN, ArrivalState.DROPPED)) | Q(words__isnull=True, settled_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["received_at", "id"], name="arrival_waiting", condition=Q(state__in=(ArrivalState.WAITING, ArrivalState.PARKED))),
            # what was opened lately, by whom it was given: caps are counted in it, and so few rows stand in it as the caps allow
            models.Index(fields=["from_digest", "settled_at"], name="arrival_by_address"),
            models.Index(fields=["prefix_digest", "settled_at"], name="arrival_by_prefix"),
            models.Index(fields=["settled_at"], name="arrival_by_settling"),
        ]

    def __str__(self) -> str:
        return self.reference
