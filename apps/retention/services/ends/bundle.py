"""The end of rows that had stepped aside: their hold is over, their archive has them, or their review is done.

One bundle ends at once, by its own secret. What something else keeps by then (another hold, say) moves to another bundle first.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Length

from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.holds.services import asking
from apps.retention.models import AsideBundle, AsideMessage, Cohort, Destruction
from apps.retention.services import accounts, aside, grounds
from apps.retention.services.ends import KeptMeanwhile
from apps.retention.states import AsideGround, CohortState, DestructionScope

#: rows that a recall set aside early wait for their cohort's day like the rest: its certificate counts what is left
DAY_IS_OVER = (CohortState.EXPIRED, CohortState.DESTROYED)


def open_due(*, at: datetime) -> list[Destruction]:
    """A work row for every bundle whose ground is over."""
    return [_open(bundle, at) for bundle in due(at=at)]


def due(*, at: datetime, hidden_by_then: Collection[int] = ()) -> list[AsideBundle]:
    """Bundles whose ground is over and that have no work row; `hidden_by_then`: cohorts that a sweep would hide before."""
    waiting = (
        AsideBundle.objects.filter(Q(cohort__state__in=DAY_IS_OVER) | Q(cohort__in=hidden_by_then), destroyed_at=None)
        .exclude(secret__in=Destruction.objects.filter(scope=DestructionScope.ASIDE).values("secret"))
        .select_related("cohort__organization")
        .order_by("id")
    )
    in_force = set(asking.in_force(at).values_list("pk", flat=True))
    return [bundle for bundle in waiting.iterator(chunk_size=500) if _is_over(bundle, in_force)]


def _is_over(bundle: AsideBundle, in_force: set[int]) -> bool:
    if bundle.ground == AsideGround.HOLD:
        return any(hold not in in_force for hold in bundle.holds)
    if bundle.ground == AsideGround.ARCHIVE:
        return not grounds.unarchived_segments(bundle.cohort)
    return not grounds.waits_for_review(bundle.cohort)


@transaction.atomic
def _open(bundle: AsideBundle, at: datetime) -> Destruction:
    """Under the cohort's lock: nothing joins a bundle whose destruction has begun."""
    cohort = Cohort.objects.select_for_update().get(pk=bundle.cohort_id)
    work, _is_new = Destruction.objects.get_or_create(
        secret=bundle.secret,
        defaults={"scope": DestructionScope.ASIDE, "cohort": cohort, "day": day_of(at), "opened_at": at},
    )
    return work


def _bundle(work: Destruction) -> AsideBundle:
    return AsideBundle.objects.select_related("cohort__organization").get(secret=work.secret)


def keep(work: Destruction, *, at: datetime) -> None:
    """Rows that something still keeps are re-encrypted into another bundle, chunk by chunk."""
    after, seen = 0, None
    while after is not None:
        after, looked = _keep_chunk(work, after, seen, at)
        seen = looked if seen is None else seen


@transaction.atomic
def _keep_chunk(work: Destruction, after: int, seen: int | None, at: datetime) -> tuple[int | None, int]:
    cohort = locked(work)[0]
    bundle = _bundle(work)
    kept = grounds.grounds_of(cohort, at=at)
    found, go_on = chunk(bundle, after)
    if not kept.keeps_nothing and found:
        _keep(bundle, cohort, kept, found, at)
    if go_on is not None:
        return go_on, kept.holds_seen
    cohort.holds_seen = max(cohort.holds_seen, kept.holds_seen if seen is None else seen)
    cohort.save(update_fields=["holds_seen"])
    return None, kept.holds_seen


def chunk(bundle: AsideBundle, after: int) -> tuple[list[AsideMessage], int | None]:
    """The next rows of a bundle, and the number after which to go on, None where these were the last."""
    rows = AsideMessage.objects.filter(bundle=bundle, id__gt=after).order_by("id")
    sizes = rows.annotate(size=Length("ciphertext")).values_list("id", "size")[: aside.CHUNK + 1]
    last, go_on = aside.chunk_end(list(sizes))
    return ([] if last is None else list(rows.filter(id__lte=last))), go_on


def still_kept(bundle: AsideBundle, cohort: Cohort, kept: grounds.Grounds, found: Iterable[AsideMessage]) -> dict[aside.Ground, list[aside.Opened]]:
    """Which rows of a bundle something still keeps, by why."""
    rows = (aside.Row(row.pk, row.segment, row.policy_version_id, bytes(row.proof), bytes(row.ciphertext)) for row in found)
    return aside.by_ground(kept, aside.envelope_of(bundle, cohort), rows)


def _keep(bundle: AsideBundle, cohort: Cohort, kept: grounds.Grounds, found: list[AsideMessage], at: datetime) -> None:
    rows = {row.pk: row for row in found}
    for ground, opened in still_kept(bundle, cohort, kept, found).items():
        into = aside.standing_bundle(cohort, *ground, kept, at)
        for as_row, sealed in aside.reseal(aside.envelope_of(into, cohort, create=True), opened):
            row = rows[as_row.id]
            row.bundle, row.ground, row.tags, row.ciphertext = into, ground[0], sealed.tags, sealed.ciphertext
            row.save(update_fields=["bundle", "ground", "tags", "ciphertext"])


def locked(work: Destruction) -> list[Cohort]:
    return [Cohort.objects.select_for_update(of=("self",)).select_related("organization").get(pk=work.cohort_id)]


def require_free(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> None:
    for cohort in cohorts:
        if any(hold.pk > cohort.holds_seen for hold in asking.holds_of_organization(cohort.organization_id, at)):
            raise KeptMeanwhile(f"A hold was placed that may cover messages of {cohort.reference}.")
        unarchived = grounds.unarchived_segments(cohort)
        rows = AsideMessage.objects.filter(bundle__secret=work.secret)
        if unarchived and rows.filter(segment__in=unarchived).exists():
            raise KeptMeanwhile(f"{cohort.reference} is owed to an archive that does not have it yet.")
        if grounds.waits_for_review(cohort) and rows.exists():
            raise KeptMeanwhile(f"{cohort.reference} waits for its review.")


def intended(work: Destruction, cohorts: list[Cohort]) -> Iterable[tuple[Cohort, int, bool]]:
    """The cohort ends with the last of its rows, where it had stepped aside as a whole."""
    for cohort in cohorts:
        account = accounts.require_balance(cohort)
        rows = AsideMessage.objects.filter(cohort=cohort)
        last = not account.in_leaf and not rows.exclude(bundle__secret=work.secret).exists()
        yield cohort, rows.filter(bundle__secret=work.secret).count(), cohort.state == CohortState.EXPIRED and last


def remove_copies(work: Destruction, *, at: datetime) -> None:
    """Rows aside have no copies outside the database; backups hold only what their key would open."""


def remove(work: Destruction, cohorts: list[Cohort], *, at: datetime) -> Iterable[tuple[Cohort, int]]:
    bundle = _bundle(work)
    if not keystore().was_destroyed(bundle.secret):
        raise KeptMeanwhile(f"The key of {bundle} is still there.")
    messages, _by_model = AsideMessage.objects.filter(bundle=bundle).delete()
    bundle.destroyed_at = at
    bundle.save(update_fields=["destroyed_at"])
    for cohort in cohorts:
        cohort.destroyed_messages += messages
        cohort.save(update_fields=["destroyed_messages"])
        if messages:  # a bundle that others took over as a whole destroys nothing, and certifies nothing
            yield cohort, messages
