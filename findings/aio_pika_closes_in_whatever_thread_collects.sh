#!/usr/bin/env bash
# A connection of aio_pika that is forgotten while its loop runs in another thread is not closed.
#
# Version: aio-pika 9.6.2 and aiormq 6.9.4 (PyPI), Python 3.11.
# Guess before the run: an object without references is closed by its loop, or left alone with a
#   ResourceWarning, as files and sockets are.
