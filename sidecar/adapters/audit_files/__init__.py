"""The decision log as files: a writer process puts lines on the disk, tiles and checkpoints prove them."""
