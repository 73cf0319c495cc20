"""What a model looked at, as arrays: Grad-CAM, MC-Loss's channel groups, AP-CNN's pyramid, and their pictures."""
