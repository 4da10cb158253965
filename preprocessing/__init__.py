"""Turn pictures into the input of a network, with one recipe per family of networks."""
