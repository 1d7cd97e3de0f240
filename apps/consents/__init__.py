"""Permission that people gave and took back: purposes with their texts, an append-only ledger, the standing that everything else rests on.

A withdrawal stops use at once and erases what was collected under the consent in the same transaction. It must never say yes where
nobody said yes, and never ask again too soon after a no.
"""
