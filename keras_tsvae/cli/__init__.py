"""The command line: what the package does, for those who write no Python.

Modules import Keras, and what needs it, in their functions: `--help` answers without it.
"""
