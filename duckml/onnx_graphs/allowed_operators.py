"""The ONNX operators that a file from elsewhere may use."""

ALLOWED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})

# The operators of scikit-learn, LightGBM, XGBoost and small nets. None of them loops, branches or
# makes a tensor whose size is a value: ConstantOfShape, Expand, Tile, Range, Pad and Resize do.
_ARITHMETIC = "Abs Add Ceil Div Exp Floor Log Mod Mul Neg Pow Reciprocal Round Sign Sqrt Sub Sum"
_TRIGONOMETRY = "Cos Erf Sin Tan"
_COMPARISON = "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor"
_REDUCTION = (
    "ArgMax ArgMin Max Mean Min ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceSum "
    "ReduceSumSquare TopK"
)
_SHAPE = (
    "Cast CastLike Concat Constant Flatten Gather GatherElements Identity Reshape Shape Slice "
    "Split Squeeze Transpose Unsqueeze"
)
_LAYERS = "BatchNormalization Dropout Gemm LayerNormalization MatMul"
_ACTIVATION = (
    "Clip Elu Gelu HardSigmoid Hardmax LeakyRelu LogSoftmax PRelu Relu Selu Sigmoid Softmax "
    "Softplus Softsign Tanh"
)
_PREPROCESSING = (
    "ArrayFeatureExtractor Binarizer CategoryMapper DictVectorizer Imputer LabelEncoder "
    "Normalizer OneHotEncoder Scaler ZipMap"
)
_ESTIMATORS = (
    "LinearClassifier LinearRegressor SVMClassifier SVMRegressor TreeEnsemble "
    "TreeEnsembleClassifier TreeEnsembleRegressor"
)
_GROUPS = (
    _ARITHMETIC,
    _TRIGONOMETRY,
    _COMPARISON,
    _REDUCTION,
    _SHAPE,
    _LAYERS,
    _ACTIVATION,
    _PREPROCESSING,
    _ESTIMATORS,
)
ALLOWED_OPERATORS = frozenset(operator for group in _GROUPS for operator in group.split())

# Operators whose inputs after the first determine the shape of the output. These inputs must be
# constants.
SHAPED_OPERATORS = frozenset({"Reshape", "Slice", "Split", "Squeeze", "Unsqueeze", "TopK"})
