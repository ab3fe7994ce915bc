"""The public names of the course and where they live."""

from mathcore.approximation.approximation import count_pieces as count_pieces
from mathcore.approximation.approximation import interpolating_net as interpolating_net
from mathcore.approximation.approximation import line_net as line_net
from mathcore.approximation.approximation import pattern_net as pattern_net
from mathcore.approximation.approximation import relu_net as relu_net
from mathcore.approximation.approximation import relu_net_vjp as relu_net_vjp
from mathcore.approximation.approximation import square_net as square_net
from mathcore.approximation.approximation import tent_net as tent_net
from mathcore.approximation.approximation import xor_net as xor_net
from mathcore.approximation.separation import check_separation as check_separation
from mathcore.approximation.separation import separation as separation
from mathcore.digits.digits import confusion_matrix as confusion_matrix
from mathcore.digits.digits import digit_scores as digit_scores
from mathcore.digits.digits import fit_softmax_regression as fit_softmax_regression
from mathcore.digits.digits import load_digits as load_digits
from mathcore.digits.digits import mean_templates as mean_templates
from mathcore.digits.digits import nearest_template_bias as nearest_template_bias
from mathcore.digits.digits import read_digits as read_digits
from mathcore.digits.digits import stratified_split as stratified_split
from mathcore.digits.digits import wilson_interval as wilson_interval
from mathcore.language_models.text import default_text as default_text
from mathcore.language_models.text import split_text as split_text
from mathcore.models.predictor import init_neighbour_predictor as init_neighbour_predictor
from mathcore.models.predictor import neighbour_gradient as neighbour_gradient
from mathcore.models.predictor import neighbour_loss as neighbour_loss
from mathcore.models.predictor import neighbour_pairs as neighbour_pairs
from mathcore.models.predictor import neighbour_scores as neighbour_scores
from mathcore.models.predictor import train_neighbours as train_neighbours
from mathcore.models.tiny import TinyModel as TinyModel
from mathcore.models.tiny import tiny_model as tiny_model
from mathcore.models.tiny import tiny_text as tiny_text

__all__: list[str]
