"""Learning from few measured architectures: fits, how well they do, and their files."""

from sedspace.learning.costs import CostFit, fit_costs
from sedspace.learning.fitted import Fit
from sedspace.learning.fitting import fit, read_fit
from sedspace.learning.suggestions import suggest

__all__ = ["CostFit", "Fit", "fit", "fit_costs", "read_fit", "suggest"]
