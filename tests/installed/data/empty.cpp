// Only so that the shared library has a source; the archive is the rest of it.
