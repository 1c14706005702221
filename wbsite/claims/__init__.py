"""Published claims and our own: what is claimed, by whom, the rule that decides it, and how each outcome is worded.

A claim is a small file in its subject's folder. Articles say `{{ claim("NAME") }}`; the ledger page lists all.
"""
