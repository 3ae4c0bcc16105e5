"""Work that is done once: parts of a run by what they depend on, in memory and in a folder."""
