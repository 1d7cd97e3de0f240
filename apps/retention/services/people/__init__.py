"""A person's messages: counted, handed over, and ended as their client says. The client decides on Message Data; we carry it out.

| who asks | what |
|---|---|
| data requests | `count`, `collect`, `erase`, and `rule_of`: what the client has said once for all |
| ingest | `marks`: whether somebody who writes or receives was erased, and under which name the message is stored then |

`answer` is what the client said (`OnErasure`, `OnAccess`); empty, its standing rule counts. It must never release, erase or
change a message without an answer, nor one that a hold names, nor what an archive is owed and does not have yet.
"""

from apps.retention.services.people.collecting import collect
from apps.retention.services.people.counting import count
from apps.retention.services.people.erasing import ClientNotAsked, erase
from apps.retention.services.people.rules import Standing, rule_of

__all__ = ["ClientNotAsked", "Standing", "collect", "count", "erase", "rule_of"]
