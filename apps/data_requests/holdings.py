"""What requests themselves hold on people, and how it ends."""

from apps.data_requests.services import own_records
from apps.data_requests.services.packages import ending
from apps.foundation.personal_data import Holding, Role, Whom

HOLDINGS = (
    Holding(
        code="requests.records",
        title="Data requests: what was asked, when and how, and how it was answered",
        role=Role.CONTROLLER,
        tables=(
            "data_requests_datarequest", "data_requests_clock", "data_requests_requestnote", "data_requests_lettertemplate",
            "data_requests_letter", "data_requests_requestlink", "data_requests_receipt", "data_requests_plan", "data_requests_clientquestion",
            "data_requests_erasurenotice", "data_requests_erasurehook",
        ),
        collected="By the request's reference, or by the person's.",
        ends="What was written is unreadable once the answer has left: its secret is destroyed. The record stays 24 months (11 CCR 7101), by reference.",
        files=("keystore/request", "keystore-second/request"),  # or wherever KEYSTORE_DIRECTORIES puts them
        count=own_records.count,
        collect=own_records.collect,
        survives="The record of a request is kept 24 months by law (11 CCR 7101), as a reference and keyed hashes.",
    ),
    Holding(
        code="requests.arrivals",
        title="What came in and was not looked at yet",
        role=Role.CONTROLLER,
        tables=("data_requests_arrival",),
        collected="By a form, a mail or the product; sealed.",
        ends="Emptied when it became a request, with its secret.",
        files=("keystore/arrival", "keystore-second/arrival"),
        whom=Whom.PEOPLE,
        count=own_records.waiting,
        survives="What comes in meanwhile is a request of its own: sealed until it is looked at, within minutes, and emptied then.",
        unfound="Sealed, and looked at by nobody before the worker, which tells whose it is; what is not settled yet is counted as it lies.",
    ),
    Holding(
        code="requests.packages",
        title="Copies of people's data that wait to be fetched",
        role=Role.CONTROLLER,
        tables=("data_requests_package",),
        collected="Made when somebody asks for a copy of what is held: from all other holdings, encrypted.",
        ends="Some days after it was made, fetched or not; with the person's data, if these are erased before. Its key is destroyed with it.",
        files=("packages", "keystore/package", "keystore-second/package"),  # the keys in both copies, or wherever KEYSTORE_DIRECTORIES puts them
        count=ending.count,
        collect=ending.collect,
        erase=ending.erase,
    ),
    Holding(
        code="requests.erased",
        title="Who was erased: references and keyed hashes",
        role=Role.CONTROLLER,
        tables=("data_requests_erasedperson",),
        collected="Written when an erasure begins.",
        ends="24 months after the erasure.",
        survives="By these a restored backup is cleaned again, and a search proves the erasure (24 months).",
        unfound="Whoever stands here is erased; nobody who still has a row does.",
    ),
)  # fmt: skip
