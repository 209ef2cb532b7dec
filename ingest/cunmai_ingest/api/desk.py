"""What every endpoint works with: the store, the book, the tokens, and the rules of looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cunmai_ingest.api.problems import no_right, no_token, not_found, too_slow, unavailable
from cunmai_ingest.api.tokens import Right, Token, Tokens
from cunmai_ingest.ledger.view import LedgerView
from cunmai_ingest.query.base import Question, Reader, Row, TooSlow
from cunmai_ingest.settings import IngestSettings
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Retryable, UserError


@dataclass(frozen=True, slots=True)
class Desk:
    """Raises only Refusal, and Retryable where something is down."""

    settings: IngestSettings
    reader: Reader
    ledger: LedgerView
    tokens: Tokens
    clock: Clock

    @property
    def utc_offset_minutes(self) -> int:
        return self.settings.ledger.utc_offset_minutes

    def admit(self, presented: str | None, right: Right) -> Token:
        """The token's bearer, where the token is live and has the right. Raises Refusal."""
        try:
            token = None if presented is None else self.tokens.admit(presented)
        except UserError as error:
            raise unavailable() from error
        if token is None:
            raise no_token()
        if right not in token.rights:
            raise no_right(right)
        return token

    def rows(self, question: Question) -> list[Row]:
        """Ask the store. Raises Refusal."""
        try:
            return self.reader.rows(question)
        except Retryable as error:
            raise unavailable() from error
        except TooSlow as error:
            raise too_slow() from error

    def look(self, token: Token, residents: Sequence[str], what: str) -> None:
        """Note a look before anything is shown; where it cannot be noted, nothing is. Raises Refusal."""
        try:
            self.tokens.note(token, residents, what)
        except Retryable as error:
            raise unavailable() from error

    def look_at_owner(self, token: Token, row: Row | None, what: str) -> Row:
        """The row, its resident's look noted. Raises Refusal where there is none, or it is nobody's."""
        if row is None or "resident" not in row.tags:
            raise not_found()
        self.look(token, [row.tags["resident"]], what)
        return row
