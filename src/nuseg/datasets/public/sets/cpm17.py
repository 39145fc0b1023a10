"""CPM-17: the segmentation challenge of MICCAI 2017, tumours of four kinds from TCGA."""

from nuseg.datasets.public.cpm import Cpm


class Cpm17(Cpm):
    """Images split by the challenge."""

    name = "cpm17"
    title = "CPM-17"
    images = 64
    nuclei = 7570
    organs = "brain (glioblastoma, lower-grade glioma), head and neck, lung"
    mpp = 0.25
    magnification = "40x, some 20x, which is not said of single images"
    address = "https://drive.google.com/drive/folders/1sJ4nmkif6j4s2FOGj8j6i_Ye7z9w0TfA"
    split = "the challenge's: 32 images for training, 32 to test"
    layout = "'cpm17/train/Images/image_00.png' with 'train/Labels/image_00.mat', and 'test' in the same way"
    by_hand = "download the folder cpm17 from https://drive.google.com/drive/folders/1sJ4nmkif6j4s2FOGj8j6i_Ye7z9w0TfA"
    note = "all images are taken as 40x, 0.25 um/px, though some may be 20x"
    split_folders = (("train", r"train(ing)?"), ("test", r"test(ing)?"))


DATASET = Cpm17()
