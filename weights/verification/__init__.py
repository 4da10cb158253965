"""Compare an imported network with the network of the program that its weights come from."""
