"""The secure element in software: it keeps keys, and money that leaves it only endorsed.

`element` puts it together out of its parts: keys, trust, holdings, payer, payee and deposits. A
method of a part is one step: it changes the state durably, or not at all. What a step does to a
state is written as functions of that state (`paying`, `taking`, `returning`, `loading`, …).
"""
