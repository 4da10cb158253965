"""From decoded pictures to what a network takes in: a recipe for each family of networks."""
