"""How likely it is that nobody will pay for an order.

A score from 0 to 100, out of a few things that are known: how much, to where, paid how, and how often this customer ordered
before. Each rule says in words what it found.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import fraud
from wit_world.imports import address, atomics, logging, store

BUCKET = "fraud"
REVIEW, REFUSE = 40, 80


class Fraud(exports.Fraud):
    def assess(self, attempt: fraud.Attempt) -> fraud.Assessment:
        corrected = check(attempt.destination)
        findings = list(rules(attempt, attempts_of(attempt.customer)))
        score = min(100, sum(points for points, _ in findings))
        logging.log(logging.Level.INFO, "fraud", f"{attempt.customer}: {score} of 100")
        return fraud.Assessment(score, advice(score, [reason for _, reason in findings]), corrected)


def rules(attempt: fraud.Attempt, attempts: int):
    """Points and reasons."""
    if attempt.total_cents >= 1_000_00:
        yield 25, f"{attempt.total_cents // 100} is a lot"
    if attempts > 5:
        yield 5 * min(attempts - 5, 10), f"order number {attempts} of this customer"
    country = attempt.destination.country
    match attempt.payment:
        case fraud.Payment_Invoice():
            yield 20, "pays later"
        case fraud.Payment_Card((_, issued)) if issued != country:
            yield 30, f"a card of {issued} for a parcel to {country}"
        case fraud.Payment_GiftCards(cards) if len(set(cards)) != len(cards):
            yield 80, "the same gift card twice"
        case _:
            pass
    if attempt.origin is not None and attempt.origin != country:
        yield 15, f"asked from {attempt.origin}"


def advice(score: int, reasons: list[str]) -> fraud.Advice:
    if score >= REFUSE:
        return fraud.Advice_Refuse("; ".join(reasons))
    return fraud.Advice_Review(reasons) if score >= REVIEW else fraud.Advice_Accept()


def attempts_of(customer: str) -> int:
    """How often the customer tried, this time included."""
    try:
        with store.open(BUCKET) as bucket:
            return atomics.increment(bucket, f"attempts/{customer}", 1)
    except Err as error:
        raise Err(fraud.Failure_Unavailable(type(error.value).__name__)) from None


def check(destination: fraud.Destination) -> fraud.Destination | None:
    """The destination as it should be written, where that is otherwise."""
    try:
        verdict = address.check(address.Address(**vars(destination)))
    except Err as error:
        raise Err(fraud.Failure_Undeliverable([fault(found) for found in error.value])) from None
    match verdict:
        case address.Verdict_Corrected((better, changes)):
            logging.log(logging.Level.DEBUG, "fraud", f"corrected: {', '.join(changes)}")
            return fraud.Destination(**vars(better))
        case _:
            return None


def fault(found: address.Fault) -> str:
    match found:
        case address.Fault_Missing(what):
            return f"no {what}"
        case address.Fault_UnknownCountry(country):
            return f"nothing is sent to {country}"
        case address.Fault_MalformedPostcode((postcode, shape)):
            return f"the postcode {postcode} is not like {shape}"
