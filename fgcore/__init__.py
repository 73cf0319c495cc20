"""FineGrain Lens core: MC-Loss and AP-CNN, their training, and what they look at, without any user interface.

Shapes are written with the letters B (images in the batch), K (classes), C (channels), H and W (height
and width, in pixels of the network input unless a stride is named).
"""

__version__ = "0.1.0"
