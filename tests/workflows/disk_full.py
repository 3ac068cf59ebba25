"""Has no disk space for its picture."""

import errno
import os

raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
