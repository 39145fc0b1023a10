"""What somebody corrected in the nuclei of an image: a journal on disk, and what it makes of the nuclei."""
