"""Reads the files that people lend us, vCard and iCalendar, in a process that can do no harm. `files` is the way in.

It must never parse a stranger's file in this process, never let one take more time or memory than it may, and never hand on more than
what matching and scheduling need: addresses, numbers, and when somebody is busy.
"""
