"""Check which operations a graph of another program has: a graph is a program.

TensorFlow has operations that read and write files, open connections and call Python. What runs a
graph from a file checks it here first, before the import, since TensorFlow already computes parts
of a graph while it imports it.
"""

from common import text
from common.errors import UserError
from serving.graphdef import graph_edits, variables

_INPUTS_AND_CONSTANTS = """
    Const Empty EnsureShape Fill GuaranteeConst Identity IdentityN NoOp OnesLike
    Placeholder PlaceholderV2 PlaceholderWithDefault PreventGradient Snapshot StopGradient ZerosLike
"""
# These fail the run, or make strings of numbers; they write nothing.
_CHECKS_AND_SUMMARIES = """
    Assert CheckNumerics CheckNumericsV2 HistogramSummary ImageSummary MergeSummary ScalarSummary
"""
_PICTURES = """
    AdjustContrast AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize DecodeAndCropJpeg
    DecodeBase64 DecodeBmp DecodeGif DecodeImage DecodeJpeg DecodePaddedRaw DecodePng DecodeRaw
    DecodeWebP DrawBoundingBoxes DrawBoundingBoxesV2 EncodeBase64 EncodeJpeg EncodePng
    ExtractGlimpse ExtractGlimpseV2 ExtractImagePatches ExtractJpegShape HSVToRGB
    ImageProjectiveTransformV2 ImageProjectiveTransformV3 QuantizedResizeBilinear RGBToHSV
    ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor SampleDistortedBoundingBox
    SampleDistortedBoundingBoxV2 ScaleAndTranslate StatelessSampleDistortedBoundingBox
"""
_DETECTION = """
    CombinedNonMaxSuppression GenerateBoundingBoxProposals NonMaxSuppression NonMaxSuppressionV2
    NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps
"""
_EXAMPLES_AND_TEXT = """
    AsString ParseExample ParseExampleV2 ParseSingleExample ParseTensor ReduceJoin RegexFullMatch
    RegexReplace StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength
    StringLower StringSplit StringSplitV2 StringStrip StringToHashBucketFast StringToNumber
    StringUpper Substr UnicodeDecode UnicodeEncode UnicodeTranscode
"""
_LAYERS = """
    AvgPool AvgPool3D BatchNormWithGlobalNormalization BatchToSpace BatchToSpaceND BiasAdd BiasAddV1
    Conv Conv2D Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropInput
    Conv3DBackpropInputV2 DataFormatDimMap DataFormatVecPermute DepthToSpace DepthwiseConv2dNative
    DepthwiseConv2dNativeBackpropInput Dilation2D Elu FractionalAvgPool FractionalMaxPool
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 FusedPadConv2D FusedResizeAndPadConv2D L2Loss
    LRN LeakyRelu LogSoftmax MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax MirrorPad Pad PadV2 Relu
    Relu6 Selu Sigmoid Softmax Softplus Softsign SpaceToBatch SpaceToBatchND SpaceToDepth Tanh
"""
_MATRICES = """
    BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchMatrixBandPart BatchMatrixDiag BatchMatrixDiagPart
    Cholesky Cross Diag DiagPart Einsum FFT FFT2D FFT3D IFFT IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D
    MatMul MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2
    MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixInverse MatrixSetDiag MatrixSetDiagV2
    MatrixSetDiagV3 MatrixSolve MatrixSquareRoot MatrixTriangularSolve Qr RFFT RFFT2D RFFT3D
    SelfAdjointEig SelfAdjointEigV2 SparseMatMul SparseTensorDenseMatMul Svd
"""
_NUMBERS = """
    Abs AccumulateNV2 Acos Acosh Add AddN AddV2 Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh
    Bitcast BitwiseAnd BitwiseOr BitwiseXor Cast Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh
    Digamma Div DivNoNan Equal Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod Greater
    GreaterEqual Igamma Igammac Imag Inv Invert IsFinite IsInf IsNan LeftShift Less LessEqual Lgamma
    Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter
    NotEqual Polygamma PopulationCount Pow Real RealDiv Reciprocal RightShift Rint Round Rsqrt
    Select SelectV2 Sign Sin Sinh Sqrt Square SquaredDifference Sub Tan TruncateDiv TruncateMod
    Xdivy Xlog1py Xlogy
"""
_REDUCTIONS = """
    All Any ApproxTopK ArgMax ArgMin Bincount Bucketize CumulativeLogsumexp Cumprod Cumsum
    DenseBincount EuclideanNorm HistogramFixedWidth InTopK InTopKV2 LowerBound Max Mean Min
    NthElement Prod SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Sum TopK TopKV2
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound
"""
_SHAPES = """
    BroadcastArgs BroadcastGradientArgs BroadcastTo Concat ConcatOffset ConcatV2 ConjugateTranspose
    DynamicPartition DynamicStitch ExpandDims Gather GatherNd GatherV2 InvertPermutation LinSpace
    ListDiff OneHot Pack ParallelConcat ParallelDynamicStitch Range Rank Reshape Reverse
    ReverseSequence ReverseV2 Roll ScatterNd Shape ShapeN Size Slice Split SplitV Squeeze
    StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
    TensorScatterUpdate TensorStridedSliceUpdate Tile Transpose Unique UniqueV2 UniqueWithCounts
    UniqueWithCountsV2 Unpack UnravelIndex Where
"""
_SPARSE = """
    SparseConcat SparseFillEmptyRows SparseReorder SparseReshape SparseSegmentMean
    SparseSegmentSqrtN SparseSegmentSum SparseSlice SparseTensorDenseAdd SparseToDense
"""
_QUANTIZED = """
    Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
    QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4
    QuantizeDownAndShrinkRange QuantizeV2 QuantizedAdd QuantizedAvgPool
    QuantizedBatchNormWithGlobalNormalization QuantizedBiasAdd QuantizedConcat QuantizedConcatV2
    QuantizedConv2D QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize
    QuantizedConv2DAndRequantize QuantizedConv2DPerChannel QuantizedConv2DWithBias
    QuantizedConv2DWithBiasAndRelu QuantizedConv2DWithBiasAndReluAndRequantize
    QuantizedConv2DWithBiasAndRequantize QuantizedConv2DWithBiasSignedSumAndReluAndRequantize
    QuantizedConv2DWithBiasSumAndRelu QuantizedConv2DWithBiasSumAndReluAndRequantize
    QuantizedDepthwiseConv2D QuantizedDepthwiseConv2DWithBias
    QuantizedDepthwiseConv2DWithBiasAndRelu QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize
    QuantizedInstanceNorm QuantizedMatMul QuantizedMatMulWithBias QuantizedMatMulWithBiasAndRelu
    QuantizedMatMulWithBiasAndReluAndRequantize QuantizedMaxPool QuantizedMul QuantizedRelu
    QuantizedRelu6 QuantizedReluX QuantizedReshape RequantizationRange RequantizationRangePerChannel
    Requantize RequantizePerChannel
"""
# Dropout that was not removed: noise, and nothing else.
_NOISE = """
    Multinomial RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt
    StatelessMultinomial StatelessRandomGetAlg StatelessRandomGetKeyCounter
    StatelessRandomGetKeyCounterAlg StatelessRandomNormal StatelessRandomNormalV2
    StatelessRandomUniform StatelessRandomUniformInt StatelessRandomUniformIntV2
    StatelessRandomUniformV2 TruncatedNormal
"""
# The bodies of functions are checked as well.
_BRANCHES_AND_LOOPS = """
    Case ControlTrigger Enter Exit FakeParam For If LoopCond MapDefun Merge NextIteration
    PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile Switch While
"""
_LISTS = """
    EmptyTensorList TensorArrayCloseV2 TensorArrayCloseV3 TensorArrayConcatV2 TensorArrayConcatV3
    TensorArrayGatherV2 TensorArrayGatherV3 TensorArrayReadV2 TensorArrayReadV3 TensorArrayScatterV2
    TensorArrayScatterV3 TensorArraySizeV2 TensorArraySizeV3 TensorArraySplitV2 TensorArraySplitV3
    TensorArrayV2 TensorArrayV3 TensorArrayWriteV2 TensorArrayWriteV3 TensorListConcat
    TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListFromTensor
    TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
    TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter
    TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem TensorListSplit
    TensorListStack
"""
# What an inference needs; all else is refused.
ALLOWED = frozenset(
    ' '.join(
        (
            _INPUTS_AND_CONSTANTS,
            _CHECKS_AND_SUMMARIES,
            _PICTURES,
            _DETECTION,
            _EXAMPLES_AND_TEXT,
            _LAYERS,
            _MATRICES,
            _NUMBERS,
            _REDUCTIONS,
            _SHAPES,
            _SPARSE,
            _QUANTIZED,
            _NOISE,
            _BRANCHES_AND_LOOPS,
            _LISTS,
        )
    ).split()
)
_VARIABLES = """
    Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp
    IsVariableInitialized ReadVariableOp RefEnter RefExit RefIdentity RefMerge RefNextIteration
    RefSwitch Restore RestoreSlice RestoreV2 VarIsInitializedOp VariableShape
"""
# A graph with variables is frozen, and its saver may run.
WITH_VARIABLES = ALLOWED.union(variables.KINDS, _VARIABLES.split())


def check(path, graph_def, accept=False, allowed=ALLOWED):
    """Return lines for the log; raise a UserError for operations that are not `allowed`.

    With `accept` such a graph only gets a line. `graph_def` is what will be imported.
    """
    found = _first_refused(graph_def, allowed)
    if not found:
        return ()
    node, place = found
    # The names are the author's, too, and TensorFlow has not looked at them yet.
    what = text.printable(f'its node {node.name[:80]}{place} is the operation {node.op[:80]}')
    if accept:
        return (f'Running {path} although {what}, as requested',)
    raise UserError(
        f'{path}: {what}, which no classifier needs; a graph is a program, and this one may read'
        ' or change files; if you trust its author, pass --allow_unsafe_graph'
    )


def _first_refused(graph_def, allowed):
    """Return (NodeDef, its place) of the first operation that is not allowed, or None."""
    functions = {function.signature.name for function in graph_def.library.function}
    # A node that calls a function has the function's name for its operation.
    allowed = allowed | {n for n in functions if graph_edits.operation_definition(n) is None}
    for node in graph_def.node:
        if node.op not in allowed:
            return node, ''
    for function in graph_def.library.function:
        for node in function.node_def:
            if node.op not in allowed:
                return node, f' (in the function {function.signature.name[:80]})'
    return None
