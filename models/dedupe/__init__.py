"""Which keywords of a library mean the same: pairs, evidence, vetoes, groups, a canonical word, a review list.

`library` takes the words apart; `same`, `phrase`, `typos` and `paths` propose pairs from spelling and
dictionaries, `meaning` from vectors; `vetoes` speak against them; `groups` joins what agrees throughout; `review`
and `hierarchy` list what a person may want to decide; `find` is the whole. Nothing here touches a file, a photo
or the ledger.
"""
