SELECT {ids}, {values} FROM sent POSITIONAL JOIN answered WHERE answered.fits
