"""Says what to do after an error of ``dcep``, by its reason; `Output.fail` prints it."""

from __future__ import annotations

from currency.next_steps import STEPS as OF_REFUSALS
from language import N_, _
from runtime.output import NOTHING_ORDERED, asks_only

_OTHER_COPY = N_("Use another copy; `dcep backup verify COPY` tells whether one is whole.")
_PASSPHRASE = N_("Give the copy's passphrase: --passphrase-file FILE, or typed.")
_OTHER_FILE = N_("Name another file, or move that one away.")
_WHICH = N_("Look into the copy with `dcep backup verify COPY`, and name what fits it.")

_OWN = {
    # What was typed
    "USAGE": N_("Look with `dcep --help`."),
    "NUMBER_INVALID": N_("Check the number: 16 digits, as `wallet show` has it."),
    "PORTS": N_("Nothing was made; repeat it with another range in DCEP_PORTS, or without it."),
    "BANK_NAMES": N_("Nothing was made; repeat it with other names."),
    "NO_STACK": N_(
        "Say where it is with --stack FOLDER or DCEP_STACK; `dcep up --stack FOLDER` makes a "
        "new one."
    ),
    "BANK_UNKNOWN": N_("Name one of these banks, or another stack with --stack FOLDER."),
    "OFFICER_UNKNOWN": N_("`dcep officers list` shows who is registered, and where."),
    "PARTY_UNKNOWN": N_("Name one of these; `dcep keys list` shows whose keys there are."),
    "AMOUNT_DIFFERS": N_("Nothing was approved; look at it again with `dcep requests`."),
    "PORT_TAKEN": N_("Choose another port, or leave it away."),
    "FOLDER_IN_USE": N_("Name a folder that is new or empty."),
    # Files
    "FILE_EXISTS": _OTHER_FILE,
    "FILE_NOT_WRITTEN": N_("Name a file in a folder of yours, and repeat."),
    "FILE_REFUSED": N_("Correct the file, or name another."),
    "POLICY_FILE": N_("Write it like deployment/policies/e-cny.toml."),
    "RECORD_UNREADABLE": N_("Name the record that `dcep ceremony hold` wrote."),
    "EVIDENCE_UNREADABLE": N_("Name a file that `dcep evidence export` wrote."),
    "NOT_PROVED": N_("It proves nothing; ask whoever gave it to you for the original."),
    # This machine
    "ANOTHER_STACK": N_(
        "Name the stack that is meant with --stack, or stop the other one first: `dcep down "
        "--stack ITS_FOLDER`."
    ),
    "PROCESS_FAILED": N_("Read its log, in logs in the stack's folder, and repeat."),
    "STORY_FAILED": N_("With --keep FOLDER the logs stay to be read."),
    "MODULE_MISSING": N_("Install it, and repeat."),
    "NO_MATPLOTLIB": N_("Leave --plot away, or install it: pip install matplotlib"),
    "MACHINE": N_("Put this right, and repeat the same command: nothing is done twice."),
    "DATABASE_UNREADABLE": N_("See to this database, then prove the books: `dcep audit`."),
    "NOT_ENDED": N_("`dcep status` shows which bank is behind; `dcep audit` proves what is there."),
    # Keys
    "KEY_REFUSED": N_("Check the key's file or address, and the token's PIN."),
    "CEREMONY_REFUSED": N_("Correct it, and begin again."),
    "SHARE_NOT_KEPT": N_("Begin again, with new shares; the ones shown are worth nothing."),
    "NO_TELEPHONES": N_(
        'In a sandbox of yours say identity_checks = "sandbox" in the bank\'s settings.toml, and '
        "`dcep restart`."
    ),
    "LOOKS_MISSING": N_("Tell another officer, and prove the books: `dcep audit`."),
    "NOT_BEHIND": N_("Nothing is to be done."),
    # Copies
    "NOT_CONSISTENT": N_("`dcep audit` tells which one is an older copy."),
    "NO_DATABASE": N_("Bring the database back, and repeat."),
    "DATABASE_ELSEWHERE": N_("Copy it by itself, or move it into the party's folder."),
    "PLACE": N_("Name a folder that is not there yet, outside of the stack."),
    "BUSY": N_("Repeat the same command once the other has ended."),
    "COPY_FAILED": N_("Put this right, and copy again."),
    "NOT_IN_COPY": _WHICH,
    "NOT_SEALED": N_("If you know that it is yours, leave the passphrase away."),
    "PASSPHRASE_MISSING": _PASSPHRASE,
    "PASSPHRASE_WRONG": _PASSPHRASE,
    "PASSPHRASE_SHORT": N_("Choose a longer passphrase."),
    "COPY_CHANGED": _OTHER_COPY,
    "NO_COPY": N_("Name the folder that `dcep backup` made."),
    "COPY_UNREADABLE": _OTHER_COPY,
    "TOOL_MISSING": N_("Install PostgreSQL's client programs, and repeat."),
    "TOOL_FAILED": N_("See to what PostgreSQL says, and repeat."),
    "DATABASE_IN_USE": N_("Stop who uses it (`dcep down`), and repeat."),
    "ANOTHER_LEDGER": _WHICH,
    "ANOTHER_PARTY": _OTHER_COPY,
    "ANOTHER_KIND": N_("Put it back where the databases are of the same kind."),
    "ANOTHER_HISTORY": N_("Look for a newer copy first; --give-up loses what is not in this one."),
    "COPY_OLDER": N_("Look for a newer copy first; --give-up loses what is not in this one."),
    "SCHEMA_UNKNOWN": N_("Install the version that made the copy."),
    "RUNNING": N_("Stop it first: `dcep down`."),
    "UNREADABLE": N_("Look for a newer copy first; --give-up loses what is not in this one."),
    "NO_SERVER": N_("Name a PostgreSQL server: --database-url URL."),
    # What a service refused
    "BANK_NOT_ADMITTED": N_("Two officers of the central bank admit it: `dcep admit`."),
    "BANK_SUSPENDED": N_("Two officers of the central bank can reinstate it: `dcep reinstate`."),
    "SAME_OFFICER": N_("Have another officer decide: --as NAME."),
    "RIGHT_MISSING": N_("`dcep officers list` shows who has which rights; say --as NAME."),
    "ACT_DIFFERS": N_("Look with `dcep requests`, and decide nothing before it is known why."),
    "REQUEST_UNKNOWN": N_("`dcep requests` lists what waits, `dcep acts` what was decided."),
    "ALREADY_DECIDED": N_("Nothing is to be done; `dcep acts` shows how it ended."),
    "OFFICERS_TOO_FEW": N_("Register another officer first: `dcep officers register`."),
    "RESERVES_SHORT": N_("Ask for less, or pay reserves in first: `dcep reserves`."),
    "CIRCULATION_SHORT": N_("Ask for less; `dcep banks` shows what each has in circulation."),
    "VAULT_SHORT": N_("Ask for less, or issue to the bank first: `dcep issue`."),
    "FEED_TIP_UNKNOWN": N_("`dcep feed` shows how far each bank is, and what can be done."),
    "FEED_STEPPED_BACK": N_("`dcep feed` shows how far each bank is, and what can be done."),
    "BANK_BEHIND": N_("`dcep feed` shows how far each bank is, and what can be done."),
    "MACHINE_UNKNOWN": N_("Two officers of the bank register it: `dcep machines register`."),
    "CERTIFICATE_REQUIRED": N_("`dcep keys list` shows which certificates have ended."),
    "INTERNAL": N_("Repeat the same command; if it lasts, read the service's log."),
}

NO_ANSWER = N_(
    "`dcep status` shows what runs, and `dcep up` starts the rest. Then repeat the same command: "
    "nothing is done twice."
)


def next_step(reason: str) -> str:
    """What to do after an error, in the reader's language; "" for an unknown reason."""
    if reason == "NO_ANSWER":
        return _(NOTHING_ORDERED if asks_only() else NO_ANSWER)
    found = _OWN.get(reason) or OF_REFUSALS.get(reason, "")
    return _(found) if found else ""
