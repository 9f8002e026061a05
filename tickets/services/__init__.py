"""One function per change (decision 2): clock once, lock, move, clocks, history, outbox, one transaction. Doors call these and nothing else."""

from tickets.services.contacts import attach, record_contact, record_note, reveal
from tickets.services.customers import correct_customer, create_customer
from tickets.services.extensions import ask_extension, grant_extension, refuse_extension
from tickets.services.life import (
    ask_customer,
    close,
    confirm_result,
    customer_answered,
    invalidate,
    merge,
    no_answer,
    not_solved,
    offer_result,
    reopen,
    restore,
    withdraw,
)
from tickets.services.placing import place_waiting
from tickets.services.registering import correct, duplicates_of, register
from tickets.services.steps import finish_step
from tickets.services.triage import apply_step, assign, confirm, decline, hand_up, lock_matter, reassign, second_line, take, take_work_away

__all__ = [
    "apply_step",
    "ask_customer",
    "ask_extension",
    "assign",
    "attach",
    "close",
    "confirm",
    "confirm_result",
    "correct",
    "correct_customer",
    "create_customer",
    "customer_answered",
    "decline",
    "duplicates_of",
    "finish_step",
    "grant_extension",
    "hand_up",
    "invalidate",
    "lock_matter",
    "merge",
    "no_answer",
    "not_solved",
    "offer_result",
    "place_waiting",
    "reassign",
    "record_contact",
    "record_note",
    "refuse_extension",
    "register",
    "reopen",
    "restore",
    "reveal",
    "second_line",
    "take",
    "take_work_away",
    "withdraw",
]
