"""Whether an answer's time tells what a number is: ``python -m tests.timing --help``.

One gunicorn worker serves the example project with ``SEND="thread"``, limits off and no pauses. One client sends the
calls of two arms over one kept-alive connection, in random order: a known and an unknown number, say. A pair is alike
where the difference of the 20th percentiles, with its bootstrapped 95 % interval, stays within half a millisecond, and
the AUC (the chance that a call of one arm takes longer than one of the other) is between 0.45 and 0.55. It differs
where the whole interval is out of these bounds, or the AUC is and its Mann-Whitney p is below 0.0001, and a second run
says so too. What is neither is measured again, at most five times.

Controls run among the pairs. Two that compare an arm with itself must be alike; one that holds half of the calls back
for half a millisecond must differ. Where one comes out wrong the machine is too busy to tell, and the run is not used.
Load meets both arms at random, so it widens intervals and draws the AUC to 0.5: it makes a run say less, never more.

One pair is measured and not judged, because answers tell it too: a guess at a locked number, or at a code that is not
live, writes nothing and is quicker. So it tells that strangers asked or guessed, which ``login`` tells by its 429.

Each value of ``SIGNUP`` is served in turn. ``--short`` is for machines that have other work to do: it finds half a
millisecond, where the long form finds a tenth.

Exit status: 0 alike, 1 a pair differs, 3 the machine is too noisy to tell. In a gate only 1 is red.
"""
