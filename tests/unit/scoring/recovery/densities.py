"""A search without any object: what it would send for bad records anywhere, at any scale."""

from bisect import bisect_left
from dataclasses import dataclass, field

from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery import decisions
from batch_transform.scoring.recovery.cuts import MOST_PIECES
from batch_transform.scoring.recovery.spans import spans_of

REFUSED = Blame(cause=Cause.RECORD, status="400")
ROUNDS = 8


@dataclass
class Costs:
    """What a search has taken.

    Attributes:
        objects: how many each job was sent, the first job with them.
        records: the same in records.
        given_up: how many records were given up.
        stopped: what ended it early.
    """

    objects: list = field(default_factory=list)
    records: list = field(default_factory=list)
    given_up: int = 0
    stopped: str = ""

    def add(self, spans):
        self.objects.append(len(spans))
        self.records.append(sum(span.records for span in spans))


def search(shards, bad, allowed, blame=REFUSED):
    """Search shards of so many records for the bad ones, by their numbers in the partition."""
    starts = [0]
    for records in shards:
        starts.append(starts[-1] + records)
    bad = sorted(bad)

    def has_bad(span):
        first = starts[span.shard] + span.first
        place = bisect_left(bad, first)
        return place < len(bad) and bad[place] < first + span.records

    spans, costs = spans_of(shards), Costs()
    costs.add(spans)
    blamed = {span: blame for span in spans if has_bad(span)}
    state = decisions.begin([span for span in spans if span not in blamed], blamed, allowed)
    while state.suspects:
        costs.stopped = "bad_records" if state.certain > allowed else ""
        costs.stopped = costs.stopped or ("max_rounds" if state.rounds >= ROUNDS else "")
        if costs.stopped:
            break
        sent = decisions.next_round(
            state,
            state.suspects,
            cuts_left=ROUNDS - state.rounds - 1,
            least=decisions.pieces_to_prove(state, allowed),
        )
        if len(sent.suspects) > MOST_PIECES:
            costs.stopped = "pieces"
            break
        costs.add(sent.spans)
        state = decisions.after(
            state, sent, {span: blame for span in sent.suspects if has_bad(span)}
        )
    costs.given_up = len(state.given_up)
    return costs
