"""What an agreement must say, as a checklist: explicit tuples, each clause with where the law asks for it.

An agreement counts only when every clause of its kind was found in its document and a second person confirmed that. It must
never hold a clause that can be left out: what is optional stands in no list.
"""

from dataclasses import dataclass

from apps.providers.states import AgreementKind


@dataclass(frozen=True)
class Clause:
    """`code` is what is stored; `words` what is looked for in the document."""

    code: str
    words: str
    citation: str

    def __str__(self) -> str:
        return f"{self.words} ({self.citation})"


#: 45 CFR 164.504(e)(2)
BAA: tuple[Clause, ...] = (
    Clause("permitted_uses", "Establishes the permitted and required uses and disclosures", "45 CFR 164.504(e)(2)(i)"),
    Clause("no_further_use", "No use or further disclosure beyond the contract or the law", "45 CFR 164.504(e)(2)(ii)(A)"),
    Clause("safeguards", "Appropriate safeguards, and Subpart C for electronic information", "45 CFR 164.504(e)(2)(ii)(B)"),
    Clause("reports", "Reports uses and disclosures outside the contract, breaches included", "45 CFR 164.504(e)(2)(ii)(C)"),
    Clause("subcontractors", "Subcontractors agree to the same restrictions and conditions", "45 CFR 164.504(e)(2)(ii)(D)"),
    Clause("access", "Makes information available for access by the individual", "45 CFR 164.504(e)(2)(ii)(E)"),
    Clause("amendment", "Makes information available for amendment, and takes amendments in", "45 CFR 164.504(e)(2)(ii)(F)"),
    Clause("accounting", "Makes available what an accounting of disclosures needs", "45 CFR 164.504(e)(2)(ii)(G)"),
    Clause(
        "obligations_and_books", "Keeps the rules of Subpart E where it carries out our obligations, and opens its books to the Secretary",
        "45 CFR 164.504(e)(2)(ii)(H) and (I)",
    ),
    Clause(
        "return_and_termination", "Returns or destroys all information at the end, and may be terminated for a material violation",
        "45 CFR 164.504(e)(2)(ii)(J) and (iii)",
    ),
)  # fmt: skip

#: GDPR Article 28(3), and what our policy promises beside it
DPA: tuple[Clause, ...] = (
    Clause("subject_and_duration", "Says subject, duration, nature and purpose, kinds of data and of people", "Art. 28(3)"),
    Clause("instructions", "Processes on our documented instructions only", "Art. 28(3)(a)"),
    Clause("confidentiality", "Who processes is bound to confidentiality", "Art. 28(3)(b)"),
    Clause("security", "Takes the security measures that the risk asks for", "Art. 28(3)(c)"),
    Clause("sub_processors", "No other processor without our leave, under the same duties, changes announced ahead", "Art. 28(2) and (3)(d)"),
    Clause("requests", "Helps us to answer people who use their rights", "Art. 28(3)(e)"),
    Clause("breaches", "Helps with security, and reports breaches without undue delay", "Art. 28(3)(f) and 33(2)"),
    Clause("end_of_data", "Deletes or returns all data at the end, as we choose", "Art. 28(3)(g)"),
    Clause("audits", "Shows that it keeps its duties, and allows audits", "Art. 28(3)(h)"),
    Clause("no_sale", "No sale, no rental and no use for purposes of its own", "Privacy Policy, P11 and P14"),
    Clause("place", "Stores and processes in the countries it names only", "Privacy Policy, P19"),
)

#: kind of agreement → what it must say
REQUIRED: dict[str, tuple[Clause, ...]] = {
    AgreementKind.BAA: BAA,
    AgreementKind.DPA: DPA,
    AgreementKind.OTHER: (),
}


def missing(kind: str, found: list[str]) -> list[Clause]:
    """The clauses of that kind which were not found."""
    return [clause for clause in REQUIRED[kind] if clause.code not in found]
