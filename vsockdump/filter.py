"""`vsockdump filter`: say what an expression means, and who decides what of it."""

from collections.abc import Iterator, Sequence

from vsockdump import choosing, options, parser
from vsockdump.arguments import Group, Parser, number
from vsockdump.errors import UsageError
from vsockdump.filters import language
from vsockdump.filters.assembly import Code
from vsockdump.filters.disassembly import c_array, decimal, listing
from vsockdump.filters.explain import explain
from vsockdump.filters.plan import Plan, follows, in_frame, names_processes, split, terms
from vsockdump.filters.program import compiled
from vsockdump.filters.tree import EVERYTHING, And, Search, Tree
from vsockdump.interface import SNAPLEN
from vsockdump.messages import plural, say
from vsockdump.options import Options

_FORMATS = (listing, c_array, decimal)
_RECORD = "stands in the packet's record, which no program sees"
_FOLLOWED = "is known only from following connections"
_TEXT = "no program can search text"
_LEFT = "'and' and 'or' are joined from the left, as by tcpdump; Wireshark joins 'and' first"
_NOTES = "is known only once the packet is decoded"
_WHOLE = "would leave out packets that following connections needs"


class Wanted(Options):
    """What was asked for."""

    manual = False


def main(argv: Sequence[str]) -> int:
    """Print what an expression means, or its program, or the manual; return 0."""
    wanted = _parser().parse_intermixed_args(argv, Wanted())
    if wanted.manual:
        from vsockdump.filters import manual  # noqa: PLC0415 - few ask for it

        print(manual.roff(), end="")
        return 0
    for wrong, sentence in options.filter_contradictions(wanted):
        if wrong:
            raise UsageError(sentence)
    if not (wanted.expression or wanted.capture_filter or wanted.expression_file):
        raise UsageError("an expression is needed; see 'vsockdump filter --help'")
    if wanted.dump:
        print_program(wanted)
        return 0
    read = _read(wanted)
    plan = split(read.parse())
    print("\n".join(_told(plan, _program(plan, wanted), read.mixed is not None)))
    return 0


def print_program(wanted: Options) -> None:
    """Print the kernel's program as -d, -dd or -ddd ask for it; raises UsageError, FilterError."""
    if wanted.dump > len(_FORMATS):
        raise UsageError("-d can be given three times at the most")
    plan = split(_read(wanted).parse())
    print(_FORMATS[wanted.dump - 1](_program(plan, wanted)))
    if plan.rest != EVERYTHING:
        say(f"decided after this program: {plan.rest}")


def _parser() -> Parser:
    made = Parser(
        "vsockdump filter",
        "vsockdump filter EXPRESSION [options]",
        "Say what a filter expression means, which part of it the kernel decides, and what is"
        " decided\nafter it.",
    )
    group = Group(made, "what to look at")
    group.words("expression", "EXPRESSION", "what -i, -r and the commands take, too")
    parser.add_filter(group)
    parser.add_names(group)
    group.number(
        "--snap-payload", "snap_payload", "BYTES", "keep all headers, and so many bytes", number
    )
    group = Group(made, "what to print instead")
    group.count("-d", "dump", "the program, as tcpdump prints it; -dd for C, -ddd in numbers")
    group.flag("--manual", "manual", "the manual of the language: pipe it into 'man -l -'")
    parser.add_help(made)
    made.set_defaults(snap_payload=-1)
    return made


def _read(wanted: Options) -> language.Parser:
    text = choosing.expression(wanted)
    return language.Parser(text, *choosing.numbers(wanted))


def _program(plan: Plan, wanted: Options) -> Code:
    payload = None if wanted.snap_payload < 0 else min(wanted.snap_payload, SNAPLEN)
    return compiled(plan.kernel, snaplen=wanted.snaplen or SNAPLEN, payload=payload)


# --- in words ---------------------------------------------------------------------------------


def _told(plan: Plan, code: Code, mixed: bool) -> Iterator[str]:
    """Yield lines: the expression as it was read, what it selects, and who decides it."""
    if plan.tree != EVERYTHING:
        yield f"{plan.tree}\n"
    if mixed:
        yield f"{_LEFT}\n"
    yield f"{explain(plan.tree)}\n"
    yield from _decided(plan, code)


def _decided(plan: Plan, code: Code) -> Iterator[str]:
    size = plural(len(code), "instruction")
    if plan.rest == EVERYTHING:
        yield f"the kernel decides all of it, in {size}"
        return
    if plan.kernel == EVERYTHING:
        yield "the kernel decides nothing of it"
    else:
        yield f"the kernel decides, in {size}: {plan.kernel}"
    yield f"decided after it: {plan.rest}"
    for term, why in _reasons(plan.rest).items():
        yield f"  {term}: {why}"
    if names_processes(plan.rest):
        yield "live, processes are known a moment after a connection is opened"


def _reasons(rest: Tree) -> dict[str, str]:
    """Return why the kernel does not decide a part, by the terms that make it so."""
    found: dict[str, str] = {}
    for part in rest.parts if isinstance(rest, And) else (rest,):
        asking = [part] if in_frame(part) else [t for t in terms(part) if not in_frame(t)]
        found.update((str(term), _why(term)) for term in asking)
    return found


def _why(term: Tree) -> str:
    if in_frame(term):
        return _WHOLE
    if follows(term):
        return _FOLLOWED
    if isinstance(term, Search):
        return _TEXT if term.subject == "payload" else _NOTES
    return _RECORD
