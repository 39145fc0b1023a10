"""What is wrong with an annotated dataset: checks of images and labels, and the page that shows what they found."""
