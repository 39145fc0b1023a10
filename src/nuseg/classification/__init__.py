"""Classes of nuclei that a user marks: learned from examples, told of the nuclei of results."""
