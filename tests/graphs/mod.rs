//! Small ONNX files, written as text.

use fer::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
};
use prost::Message;

/// Graphs as text: the version of the operators, how many values result, and an operation a
/// line. `x` is the picture, 8 x 10 pixels of 3 channels; the last result is what the graph
/// gives. `w[2,3]` is a constant with values about zero, `p[4]` one with positive ones, `=0.5` a
/// single number, `#1,-1` whole numbers, `@-128` a signed byte.
pub const GRAPHS: &[(i64, usize, &str)] = &[
    (
        17,
        64,
        "a = Conv x w[4,3,3,3] b[4] pads=[1,1,1,1] strides=[2,2] ; c = BatchNormalization a p[4] w[4] w2[4] p2[4] ; d = Relu c ; y = Flatten d ; z = Slice y #0 #64 #1",
    ),
    (
        7,
        240,
        "a = Conv x w[3,1,3,3] b[3] group=3 pads=[1,1,1,1] ; c = BatchNormalization a p[3] w[3] w2[3] p2[3] ; d = LeakyRelu c alpha=0.2 ; y = Flatten d",
    ),
    (
        13,
        192,
        "a = Conv x w[6,1,3,3] group=3 dilations=[2,2] pads=[0,1,0,1] ; d = Clip a =-0.5 =0.7 ; y = Flatten d ; z = Slice y #0 #192 #1",
    ),
    (
        13,
        160,
        "a = Conv x w[8,3,3,2] auto_pad='SAME_UPPER' strides=[2,2] ; b = Conv a w2[8,2,1,1] group=4 ; y = Flatten b",
    ),
    (
        13,
        160,
        "a = Conv x w[8,3,2,3] auto_pad='SAME_LOWER' strides=[2,2] ; y = Flatten a",
    ),
    (
        13,
        48,
        "a = Conv x w[4,3,3,3] auto_pad='VALID' strides=[2,2] dilations=[1,1] ; y = Flatten a",
    ),
    (
        13,
        16,
        "a = Conv x w[16,3,1,1] ; b = Mul a w2[16,1,1] ; c = Add b w3[1,16,1,1] ; d = Sub c =0.1 ; e = Div d =0.5 ; f = Relu e ; g = GlobalAveragePool f ; y = Flatten g",
    ),
    (7, 240, "a = Clip x min=-0.25 max=0.5 ; y = Flatten a"),
    (
        7,
        240,
        "b = BatchNormalization x p[3] w[3] w2[3] p2[3] epsilon=0.01 ; y = Flatten b",
    ),
    (
        14,
        240,
        "a = HardSigmoid x alpha=0.3 beta=0.4 ; b = Mul x a ; c = HardSwish b ; d = Tanh c ; e = Elu d alpha=0.7 ; f = Softplus e ; y = Flatten f",
    ),
    (
        13,
        240,
        "a = Abs x ; b = Sqrt a ; c = Exp b ; d = Log c ; e = Neg d ; f = Reciprocal c ; g = Max e f ; h = Min g x ; i = Sigmoid h ; j = Pow c =2 ; k = Add i j ; y = Flatten k",
    ),
    (
        13,
        240,
        "a = Sub =1 x ; b = Div w[3,8,1] p[3,8,10] ; c = Add a b ; d = Mul c w2[10] ; y = Flatten d",
    ),
    (11, 240, "a = PRelu x w[3,1,1] ; y = Flatten a"),
    (
        13,
        16,
        "a = Conv x w[16,3,3,3] ; b = GlobalAveragePool a ; c = Conv b w2[4,16,1,1] ; d = Relu c ; e = Conv d w3[16,4,1,1] ; f = Sigmoid e ; g = Mul a f ; h = ReduceMean g axes=[2,3] keepdims=0 ; y = Identity h",
    ),
    (
        18,
        8,
        "a = Conv x w[8,3,3,3] ; b = ReduceMax a #-2,-1 keepdims=1 ; c = Squeeze b #2,3 ; y = Unsqueeze c #2 ; z = Flatten y",
    ),
    (
        11,
        3,
        "a = ReduceSum x axes=[2,3] keepdims=0 ; y = Softmax a",
    ),
    (13, 240, "a = Softmax x axis=1 ; y = Flatten a"),
    (11, 240, "a = Softmax x axis=2 ; y = Flatten a"),
    (13, 240, "a = LogSoftmax x axis=-1 ; y = Flatten a"),
    (
        12,
        60,
        "a = MaxPool x kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] ; y = Flatten a",
    ),
    (
        12,
        60,
        "a = MaxPool x kernel_shape=[3,2] strides=[2,2] ceil_mode=1 ; y = Flatten a",
    ),
    (
        11,
        60,
        "a = AveragePool x kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] count_include_pad=1 ; y = Flatten a",
    ),
    (
        11,
        60,
        "a = AveragePool x kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1] ; y = Flatten a",
    ),
    (13, 3, "a = GlobalMaxPool x ; y = Flatten a"),
    (
        13,
        240,
        "a = Conv x w[4,3,1,1] ; b = Reshape a #0,2,2,8,10 ; c = Transpose b perm=[0,2,1,3,4] ; d = Reshape c #0,-1,8,10 ; e = Conv d w2[3,4,1,1] ; y = Flatten e",
    ),
    (
        13,
        800,
        "a = Conv x w[4,3,1,1] ; b = Relu x ; c = Concat a b x axis=1 ; y = Flatten c",
    ),
    (13, 480, "a = Concat x x axis=-1 ; y = Flatten a"),
    (
        13,
        80,
        "a,b,c = Split x axis=1 ; d = Add a c ; y = Flatten d",
    ),
    (
        13,
        48,
        "a = Slice x #1,-9 #-1,99 #2,3 #2,3 ; b = Pad a #0,0,1,0,0,0,0,1 =0.5 ; y = Flatten b",
    ),
    (
        10,
        84,
        "a = Pad x pads=[0,0,0,0,0,0,0,0] ; b = Slice a #0,0 #7,4 #2,3 ; y = Flatten b",
    ),
    (
        11,
        960,
        "a = Resize x w[0] ~1,1,2,2 mode='nearest' coordinate_transformation_mode='asymmetric' nearest_mode='floor' ; y = Flatten a",
    ),
    (
        13,
        720,
        "a = Resize x w[0] ~1,1,2,1.5 mode='linear' coordinate_transformation_mode='half_pixel' ; y = Flatten a",
    ),
    (
        13,
        468,
        "a = Resize x w[0] ~1,1,1.5,1.3 mode='linear' coordinate_transformation_mode='align_corners' ; y = Flatten a",
    ),
    (
        9,
        960,
        "a = Upsample x ~1,1,2,2 mode='nearest' ; y = Flatten a",
    ),
    (
        13,
        5,
        "a = Flatten x ; b = Gemm a w[5,240] b[5] transB=1 alpha=0.5 beta=2.0 ; y = Relu b",
    ),
    (
        13,
        5,
        "a = Flatten x ; b = MatMul a w[240,7] ; c = Add b w2[7] ; d = Mul c =0.5 ; e = Relu d ; y = Gemm e w3[7,5]",
    ),
    (
        13,
        9,
        "a = Flatten x axis=2 ; b = Reshape x #-1,3,80 ; c = MatMul b w[80,3] ; y = Flatten c",
    ),
    (
        13,
        240,
        "a = Shape x ; b = Gather a #0 ; c = Concat b #-1 axis=0 ; y = Reshape x c",
    ),
    (
        13,
        240,
        "a = Transpose x perm=[0,2,3,1] ; b = Add a w[3] ; c = Transpose b perm=[0,3,1,2] ; d = Conv c w2[3,3,1,1] ; y = Flatten d",
    ),
    (
        13,
        240,
        "a = Conv x w[3,3,1,1] ; b = Transpose a perm=[0,2,3,1] ; c = Reshape b #0,240 ; y = Sigmoid c",
    ),
    (
        13,
        240,
        "a = QuantizeLinear x =0.05 @3 ; b = DequantizeLinear a =0.05 @3 ; y = Flatten b",
    ),
    (
        13,
        24,
        "a = Conv x w[24,3,1,1] ; b = Exp a ; c = ReduceSum b #1 ; d = Div b c ; e = ReduceMean d axes=[2,3] keepdims=0 ; y = Dropout e",
    ),
];

/// Values of a constant or a picture, the same for the same name.
pub fn noise(name: &str, len: usize) -> Vec<f32> {
    let seed = name
        .bytes()
        .fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into()));
    (0..len as u32)
        .map(|i| {
            let mixed = (i ^ seed).wrapping_mul(2_654_435_761);
            ((mixed ^ (mixed >> 15)) % 2001) as f32 / 1000.0 - 1.0
        })
        .collect()
}

fn attribute(text: &str) -> AttributeProto {
    let (name, value) = text.split_once('=').unwrap();
    let mut attribute = AttributeProto {
        name: name.into(),
        ..Default::default()
    };
    let kind = if let Some(list) = value.strip_prefix('[') {
        let list = list.trim_end_matches(']').split(',');
        attribute.ints = list.map(|v| v.parse().unwrap()).collect();
        AttributeType::Ints
    } else if let Some(text) = value.strip_prefix('\'') {
        attribute.s = text.trim_end_matches('\'').into();
        AttributeType::String
    } else if value.contains('.') {
        attribute.f = value.parse().unwrap();
        AttributeType::Float
    } else {
        attribute.i = value.parse().unwrap();
        AttributeType::Int
    };
    attribute.r#type = kind as i32;
    attribute
}

/// The constant that `text` describes; `None` where it is the name of a result.
fn constant(text: &str) -> Option<TensorProto> {
    let mut tensor = TensorProto {
        name: text.into(),
        data_type: 1,
        ..Default::default()
    };
    let numbers =
        |list: &str| -> Vec<f32> { list.split(',').map(|v| v.parse().unwrap()).collect() };
    if let Some((name, dims)) = text.split_once('[') {
        let dims = dims.trim_end_matches(']').split(',');
        tensor.dims = dims.map(|v| v.parse().unwrap()).collect();
        let len = tensor.dims.iter().product::<i64>() as usize;
        let values = noise(name, len).into_iter();
        tensor.float_data = if name.starts_with('p') {
            values.map(|v| v.abs() + 0.5).collect()
        } else {
            values.collect()
        };
    } else if let Some(value) = text.strip_prefix('=') {
        tensor.float_data = numbers(value);
    } else if let Some(list) = text.strip_prefix('~') {
        tensor.float_data = numbers(list);
        tensor.dims = vec![tensor.float_data.len() as i64];
    } else if let Some(list) = text.strip_prefix('#') {
        tensor.data_type = 7;
        tensor.int64_data = list.split(',').map(|v| v.parse().unwrap()).collect();
        tensor.dims = vec![tensor.int64_data.len() as i64];
    } else if let Some(value) = text.strip_prefix('@') {
        tensor.data_type = 3;
        tensor.int32_data = vec![value.parse().unwrap()];
    } else {
        return None;
    }
    Some(tensor)
}

/// The file for a graph.
pub fn model(opset: i64, classes: usize, text: &str) -> Vec<u8> {
    let mut graph = GraphProto {
        name: "test".into(),
        input: vec![ValueInfoProto::tensor(
            "x",
            DataType::Float,
            &[-1, 3, 8, 10],
        )],
        ..Default::default()
    };
    for line in text.split(';') {
        let (outputs, operation) = line.trim().split_once(" = ").unwrap();
        let mut words = operation.split_whitespace();
        let mut node = NodeProto {
            op_type: words.next().unwrap().into(),
            output: outputs.split(',').map(str::to_owned).collect(),
            ..Default::default()
        };
        for word in words {
            let is_input = word.starts_with(['=', '#', '~', '@']) || !word.contains('=');
            if !is_input {
                node.attribute.push(attribute(word));
                continue;
            }
            node.input.push(word.into());
            let known = graph.initializer.iter().any(|t| t.name == word);
            if let (false, Some(constant)) = (known, constant(word)) {
                graph.initializer.push(constant);
            }
        }
        graph.node.push(node);
    }
    let last = graph.node.last().unwrap().output[0].clone();
    graph.output = vec![ValueInfoProto::tensor(
        &last,
        DataType::Float,
        &[-1, classes as i64],
    )];
    ModelProto {
        ir_version: if opset < 9 { 3 } else { 8 },
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: opset,
        }],
        graph: Some(graph),
        ..Default::default()
    }
    .encode_to_vec()
}
