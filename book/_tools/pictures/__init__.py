"""What the tensor pictures show, one module per group of pages; `tensor_pictures` lists them.

Each function draws one picture. Numbers, ids and shapes come from the pocket models' files and
from the package, so that a picture can't differ from what the pages compute.
"""
