"""The outbox: what was decided reaches one person once, at the right time, or not at all, and every end is visible.

    put      a message is written down under a key; the same key again is the same message
    hand     claim, ask the rules, mark, hand over, settle: one message at a time, crash where it may
    fence    a restored backup or a copy does not send; what a lost database does not know stands in the sent log
    settle   what nobody knows is shown, and a human, a later truth or time closes it
    explain  the whole life of one message

    queued -> claimed -> handing_over -> accepted | failed | unknown | queued (surely not handed over)
    queued, claimed -> cancelled (a rule) | expired; unknown -> accepted | failed | closed_unknown | queued (by a human)

The mark is the point at which it counts: under the lock of the person's own row, which whoever says no takes too, the
rules are asked once more and the message is marked as being handed over. Who said no before that gets nothing; who
says it after may get what is on the wire, one message a worker at most. A marked message of a worker that died is
never sent again by a machine, unless it is owed to them (service, legal, transactional): then it goes again under the
very same Message-ID.
"""
