"""Our words in Immich: what is called, in which order, until it stands there and stays.

`plan` says which calls, each asset once a wave; `settle` waits until Immich has done with them; `bring`
does both, reads back and repairs. Nothing here decides which words a photo should have.
"""
