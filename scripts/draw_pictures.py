"""Draw one flower of each kind into DIRECTORY/KIND: pictures that no training has seen."""

import sys

from datasets.samples import sample_flowers

if __name__ == '__main__':
    sample_flowers.write_pictures(sys.argv[1], 1, seed='quickstart')
