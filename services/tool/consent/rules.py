"""The user's standing word about tools: kept until they take it back."""

from contracts.actions import ConsentRule, SetConsentRule
from contracts.ids import new_id
from libs.db import Transaction
from libs.resilience.errors import InvalidInput, NotFound
from services.tool.arguments import is_address
from services.tool.consent_facts import ADDRESSED, Facts

MOST_RULES = 200
MOST_RECIPIENT_CHARACTERS = 254


class ConsentRuleNotFound(NotFound):
    """There is no such rule, or it is somebody else's."""

    slug = "consent_rule_not_found"


async def rules_of(tx: Transaction) -> tuple[ConsentRule, ...]:
    """All of `tx.scope`, newest first."""
    rows = await tx.fetch(
        """select rule_id, tool, verdict, recipient, created_at from consent_rules
           where user_id = $1 order by created_at desc, rule_id""",
        tx.require_scope().user_id,
    )
    return tuple(ConsentRule(**row) for row in rows)


async def keep(tx: Transaction, wanted: SetConsentRule, facts: Facts) -> None:
    """Add it; what was said of the same tool and recipient before goes. Raises InvalidInput."""
    recipient = " ".join(wanted.recipient.split()).lower()
    _check(recipient, wanted, facts)
    count = await tx.fetchval("select count(*) from consent_rules where user_id = $1", tx.require_scope().user_id)
    if count >= MOST_RULES:
        raise InvalidInput(f"There are {MOST_RULES} rules already; take one back first.")
    await tx.execute(
        """insert into consent_rules (rule_id, tool, verdict, recipient) values ($1, $2, $3, $4)
           on conflict (organization_id, user_id, tool, recipient) do update
               set verdict = excluded.verdict, created_at = excluded.created_at""",
        new_id("cr"),
        wanted.tool,
        wanted.verdict,
        recipient,
    )


async def remove(tx: Transaction, rule_id: str) -> None:
    """Raises ConsentRuleNotFound."""
    if await tx.execute("delete from consent_rules where rule_id = $1", rule_id) == "DELETE 0":
        raise ConsentRuleNotFound("There is no such rule.")


def _check(recipient: str, wanted: SetConsentRule, facts: Facts) -> None:
    """A rule that no call can ever fit would let its user believe in it. Raises InvalidInput."""
    if not recipient or len(recipient) > MOST_RECIPIENT_CHARACTERS or not recipient.isprintable():
        raise InvalidInput("`recipient` is an address, `@` and a domain, a channel, or `*`.")
    if recipient == "*":
        return
    if wanted.verdict != "allow":
        raise InvalidInput("`ask` and `never` hold for the tool as a whole: leave `recipient` out.")
    if not facts.recipients:
        raise InvalidInput("Nobody receives anything from this tool: leave `recipient` out.")
    is_domain = recipient.startswith("@") and is_address(f"x{recipient}")
    if ADDRESSED.issuperset(facts.recipients) and not is_domain and not is_address(recipient):
        raise InvalidInput("`recipient` is an address such as sarah@example.com, or a domain such as @example.com.")
