"""The embedded system: every server of a plexsphere on one machine, started and kept running by `plexsphere-up`.

The servers are the real ones, taken from package registries. This package starts them, watches them and ends them;
it never speaks a store's own protocol beyond asking whether the store answers.
"""
