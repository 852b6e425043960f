"""The book: photos, evidence, what stands where, what waits. The only SQL of our own is in this package.

`store` opens it, `files` knows what lies on disk, `evidence` what was said, `words` what stands and what
was refused, `work` what waits, `writes` the runs and their inverses, `answers` what a person asks of it.
"""
