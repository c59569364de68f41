from sql import blocks as blocks
