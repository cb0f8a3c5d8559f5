"""Defines what a bank knows of a customer, and how it is written before it is sealed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace

from currency.phones import one_phone
from currency.proofs import Proof
from dcep.bank.v1 import orders_pb2


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as they describe themselves, and what of it was shown.

    Attributes:
        document_kind: a dcep.bank.v1.DocumentKind; 0 for no document.
        account: a bank account in their name.
        salt: of the Holder, hex, so that its digest can be shown to belong to this person.
        order: for a customer of before: the signed order that said who they are, hex.
        proofs: for each Proof when it was shown (Unix ms) and who confirmed it.
    """

    name: str = ""
    phone: str = ""
    document_kind: int = 0
    document: str = ""
    account: str = ""
    salt: str = ""
    order: str = ""
    proofs: dict[str, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, holder: orders_pb2.Holder) -> Person:
        """Who somebody says to be; nothing of it is shown yet."""
        return cls(
            name=holder.name,
            phone=holder.phone,
            document_kind=holder.document.kind,
            document=holder.document.number,
            account=holder.bank_account,
            salt=holder.salt.hex(),
        )

    def is_named(self, name: str, phone: str) -> bool:
        """Whether somebody has this name and telephone number, however that is spelled."""
        spelled, own = (one_phone(each) if each else "" for each in (phone, self.phone))
        return (self.name, own) == (name, spelled)

    @property
    def shown(self) -> Proof:
        """What was shown."""
        shown = Proof(0)
        for name in self.proofs:
            shown |= Proof[name]
        return shown

    def showing(self, proof: Proof, time_ms: int, by: str) -> Person:
        """The same with a proof more; Proof with several flags is several proofs."""
        more = {str(each.name): (time_ms, by) for each in proof}
        return replace(self, proofs={**self.proofs, **more})

    def keeping(self, proofs: Proof) -> Person:
        """The same with none but these proofs. What was said of a document stays: it is what tells
        that this very document was withdrawn.
        """
        kept = {name: said for name, said in self.proofs.items() if Proof[name] in proofs}
        return replace(self, proofs=kept)

    def to_bytes(self) -> bytes:
        """As it is sealed."""
        said = {name: value for name in _FIELDS if (value := getattr(self, name))}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Person:
        """As it was sealed."""
        said = json.loads(content)
        proofs = {name: (int(at), str(by)) for name, (at, by) in said.pop("proofs", {}).items()}
        return cls(**said, proofs=proofs)


_FIELDS = tuple(each.name for each in fields(Person))
