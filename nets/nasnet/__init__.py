"""NASNet and PNASNet, whose cells were found by architecture search."""
