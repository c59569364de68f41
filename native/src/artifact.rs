//! The manifest and the graph of a model, without the LabelEncoders of its categories.
//!
//! The engine encodes in a third of onnxruntime's time. Only the messages on the way to the
//! encoders are decoded. All others are copied as bytes.

use std::collections::HashMap;

use prost::Message;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::categories::Encoder;
use crate::errors::{Error, Result};

/// The key of the manifest in the model's metadata.
const MANIFEST: &[u8] = b"duckml";
const INT64: i32 = 7; // the number of the tensor type in onnx.proto

/// The value of NULL in int64 inputs. In string inputs it is '', in double inputs NaN.
pub const INTEGER_NULL: i64 = i64::MIN;

/// Return the key of a model: the SHA-256 of its bytes, in hexadecimal.
pub fn key_of(onnx: &[u8]) -> String {
    Sha256::digest(onnx)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The manifest of a model: the facts that an engine needs to run it.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    signature: SignatureJson,
    on_null: String,
    codes: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct SignatureJson {
    features: Vec<Feature>,
    target: TargetJson,
}

#[derive(Debug, Deserialize)]
struct TargetJson {
    labels: Option<Vec<String>>,
}

/// One input of a model.
#[derive(Debug, Clone, Deserialize)]
pub struct Feature {
    /// Its name, which is also the name of an input of the graph.
    pub name: String,
    /// The type of the parameter of the model's macro.
    pub sql_type: String,
    /// Its kind in the preprocessing.
    pub kind: FeatureKind,
    /// The type of the model's input.
    pub storage: Storage,
}

/// The kind of a feature in the preprocessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// A number.
    Number,
    /// A boolean, as 0 and 1.
    Boolean,
    /// Days since 1970-01-01.
    Date,
    /// Seconds since 1970-01-01.
    Timestamp,
    /// A category.
    Category,
}

/// The type of a feature's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Storage {
    /// As float64.
    Double,
    /// As int64.
    BigInt,
    /// As text.
    Varchar,
}

/// The parts of a model: its features, its encoders, and the graph to open.
pub struct Artifact {
    /// The features, in the order of the signature.
    pub features: Vec<Feature>,
    /// The encoder of each feature that the engine encodes.
    pub encoders: Vec<Option<Encoder>>,
    /// The name of each feature's input tensor.
    pub feeds: Vec<String>,
    /// The number of classes; 0 if the model predicts a number.
    pub classes: usize,
    /// Whether one NULL makes the prediction NULL. Otherwise only a row of NULLs does.
    pub null_answers_null: bool,
    /// The graph, without the encoders.
    pub graph: Vec<u8>,
}

impl Artifact {
    /// Read the parts of a model from its bytes.
    pub fn read(onnx: &[u8]) -> Result<Self> {
        let mut model = ModelProto::decode(onnx)
            .map_err(|error| Error::new(format!("it is not an ONNX model, {error}.")))?;
        require_inside(&model.graph)?;
        let manifest = model.manifest()?;
        let features = manifest.signature.features;
        let mut feeds: Vec<String> = features
            .iter()
            .map(|feature| feature.name.clone())
            .collect();
        let mut encoders: Vec<Option<Encoder>> = features.iter().map(|_| None).collect();
        if !manifest.codes.is_empty() {
            let mut graph: GraphProto = decoded(&model.graph)?;
            for (position, feature) in features.iter().enumerate() {
                if let Some(tensor) = manifest.codes.get(&feature.name) {
                    encoders[position] = Some(graph.cut_encoder(&feature.name, tensor)?);
                    feeds[position].clone_from(tensor);
                }
            }
            model.graph = graph.encode_to_vec();
        }
        Ok(Self {
            features,
            encoders,
            feeds,
            classes: manifest
                .signature
                .target
                .labels
                .map_or(0, |labels| labels.len()),
            null_answers_null: manifest.on_null == "null",
            graph: model.encode_to_vec(),
        })
    }
}

/// Return an error for a graph with values in another file, which onnxruntime would read.
fn require_inside(graph: &[u8]) -> Result<()> {
    match decoded::<GraphConstants>(graph)?.elsewhere() {
        Some(name) => Err(Error::new(format!(
            "its tensor '{name}' is stored in another file."
        ))),
        None => Ok(()),
    }
}

fn decoded<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).map_err(|error| Error::new(format!("its graph can't be read, {error}.")))
}

// The messages of ONNX (onnx.proto, github.com/onnx/onnx). Messages that are written again have
// all their fields. A field that isn't read has the type bytes, which has the same encoding as a
// string or a message.

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, optional, tag = "1")]
    ir_version: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "2")]
    producer_name: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    producer_version: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    domain: Option<Vec<u8>>,
    #[prost(int64, optional, tag = "5")]
    model_version: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "6")]
    doc_string: Option<Vec<u8>>,
    #[prost(bytes = "vec", tag = "7")]
    graph: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    opset_import: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "14")]
    metadata_props: Vec<StringStringEntryProto>,
    #[prost(bytes = "vec", repeated, tag = "20")]
    training_info: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "25")]
    functions: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "26")]
    configuration: Vec<Vec<u8>>,
}

// The same messages, with the fields that can contain constants. The numbers of a forest are
// skipped.

#[derive(Clone, PartialEq, Message)]
struct GraphConstants {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeConstants>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Constant>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeConstants {
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeConstants>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeConstants {
    #[prost(message, optional, tag = "5")]
    t: Option<Constant>,
    #[prost(message, optional, boxed, tag = "6")]
    g: Option<Box<GraphConstants>>,
    #[prost(message, repeated, tag = "10")]
    tensors: Vec<Constant>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<GraphConstants>,
}

/// A tensor, without its values.
#[derive(Clone, PartialEq, Message)]
struct Constant {
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", repeated, tag = "13")]
    external_data: Vec<Vec<u8>>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

impl GraphConstants {
    /// Return the name of a tensor whose values are in another file, if there is one.
    fn elsewhere(&self) -> Option<&str> {
        let attributes = || self.node.iter().flat_map(|node| &node.attribute);
        let in_nodes =
            attributes().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
        let mut inner = attributes()
            .flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs));
        let mut constants = self.initializer.iter().chain(in_nodes);
        let found =
            constants.find(|tensor| tensor.data_location != 0 || !tensor.external_data.is_empty());
        found
            .map(|tensor| tensor.name.as_str())
            .or_else(|| inner.find_map(Self::elsewhere))
    }
}

#[derive(Clone, PartialEq, Message)]
struct StringStringEntryProto {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(bytes = "vec", repeated, tag = "1")]
    node: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    name: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    initializer: Vec<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "10")]
    doc_string: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "11")]
    input: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "12")]
    output: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    value_info: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "14")]
    quantization_annotation: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "15")]
    sparse_initializer: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "16")]
    metadata_props: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    strings: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value_type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<ShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    dim_value: Option<i64>,
}

/// A message with a name in its first field, without its other fields.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

impl ModelProto {
    fn manifest(&self) -> Result<Manifest> {
        let entry = self
            .metadata_props
            .iter()
            .find(|entry| entry.key == MANIFEST);
        let entry = entry.ok_or_else(|| Error::new("it has no duckml manifest."))?;
        serde_json::from_slice(&entry.value)
            .map_err(|error| Error::new(format!("its manifest can't be read, {error}.")))
    }
}

impl GraphProto {
    /// Remove the LabelEncoder of a feature from the graph, and make the codes an input.
    fn cut_encoder(&mut self, feature: &str, tensor: &str) -> Result<Encoder> {
        let mut found = None;
        for (position, bytes) in self.node.iter().enumerate() {
            let node: NodeProto = decoded(bytes)?;
            if node.output.iter().any(|output| output == tensor) {
                found = Some((position, node));
                break;
            }
        }
        let (position, node) =
            found.ok_or_else(|| Error::new(format!("nothing in it computes '{tensor}'.")))?;
        self.node.remove(position);
        for bytes in &mut self.input {
            if decoded::<Named>(bytes)?.name == feature {
                *bytes = column_of_integers(tensor).encode_to_vec();
            }
        }
        Ok(node.encoder())
    }
}

impl NodeProto {
    fn encoder(self) -> Encoder {
        let mut attributes: HashMap<String, AttributeProto> = self
            .attribute
            .into_iter()
            .map(|attribute| (attribute.name.clone(), attribute))
            .collect();
        let mut take = |name: &str| attributes.remove(name).unwrap_or_default();
        Encoder {
            texts: take("keys_strings").strings,
            integers: take("keys_int64s").ints,
            codes: take("values_int64s").ints,
            unknown: take("default_int64").i,
        }
    }
}

/// A tensor of shape [N, 1].
fn column_of_integers(name: &str) -> ValueInfoProto {
    let dim = [None, Some(1)]
        .map(|dim_value| DimensionProto { dim_value })
        .to_vec();
    let tensor = TensorTypeProto {
        elem_type: INT64,
        shape: Some(ShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        value_type: Some(TypeProto {
            tensor_type: Some(tensor),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(codes: &str) -> Vec<u8> {
        let manifest = format!(
            r#"{{"format": 1, "precision": "float32", "on_null": "impute",
            "codes": {codes}, "signature": {{
            "features": [{{"name": "zip", "sql_type": "VARCHAR", "kind": "category",
                           "storage": "VARCHAR"}},
                         {{"name": "area", "sql_type": "DOUBLE", "kind": "number",
                           "storage": "DOUBLE"}}],
            "target": {{"name": "price", "sql_type": "DOUBLE"}}}}}}"#
        );
        let attribute = vec![
            AttributeProto {
                name: "keys_strings".into(),
                strings: vec![b"a".to_vec(), vec![]],
                ..Default::default()
            },
            AttributeProto {
                name: "values_int64s".into(),
                ints: vec![0, 1],
                ..Default::default()
            },
            AttributeProto {
                name: "default_int64".into(),
                i: 2,
                ..Default::default()
            },
        ];
        let node = NodeProto {
            output: vec!["codes_1".into()],
            attribute,
        };
        let other = NodeProto {
            output: vec!["y".into()],
            attribute: vec![],
        };
        let input = |name: &str| column_of_integers(name).encode_to_vec();
        let graph = GraphProto {
            node: vec![node.encode_to_vec(), other.encode_to_vec()],
            name: Some(b"duckml".to_vec()),
            input: vec![input("zip"), input("area")],
            ..Default::default()
        };
        let entry = StringStringEntryProto {
            key: MANIFEST.to_vec(),
            value: manifest.into_bytes(),
        };
        ModelProto {
            graph: graph.encode_to_vec(),
            metadata_props: vec![entry],
            ..Default::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn the_encoder_is_cut_out_and_the_rest_stays() {
        let artifact = Artifact::read(&model(r#"{"zip": "codes_1"}"#)).unwrap();
        assert_eq!(artifact.feeds, ["codes_1", "area"]);
        let encoder = artifact.encoders[0].as_ref().unwrap();
        assert_eq!(
            (
                encoder.texts.len(),
                encoder.codes.as_slice(),
                encoder.unknown
            ),
            (2, &[0_i64, 1][..], 2)
        );
        let cut: ModelProto = decoded(&artifact.graph).unwrap();
        let graph: GraphProto = decoded(&cut.graph).unwrap();
        assert_eq!(graph.node.len(), 1);
        let names: Vec<String> = graph
            .input
            .iter()
            .map(|input| decoded::<Named>(input).unwrap().name)
            .collect();
        assert_eq!(names, ["codes_1", "area"]);
        assert_eq!(graph.name.unwrap(), b"duckml");
    }

    #[test]
    fn without_codes_the_graph_stays_as_it_is() {
        let bytes = model("{}");
        assert_eq!(Artifact::read(&bytes).unwrap().graph, bytes);
    }

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        for bytes in [&b"\xff\xff\xff"[..], b""] {
            assert!(Artifact::read(bytes).is_err());
        }
        let error = Artifact::read(&model(r#"{"zip": "elsewhere"}"#))
            .err()
            .unwrap();
        assert!(error.to_string().contains("'elsewhere'"));
    }

    #[test]
    fn values_in_another_file_are_found_wherever_they_are_named() {
        let plain = Constant {
            name: "plain".into(),
            ..Default::default()
        };
        let elsewhere = Constant {
            name: "w".into(),
            data_location: 1,
            ..Default::default()
        };
        let in_graph = |initializer| GraphConstants {
            node: vec![],
            initializer,
        };
        let refused = |graph: GraphConstants| require_inside(&graph.encode_to_vec()).is_err();
        assert!(!refused(in_graph(vec![plain.clone()])));
        assert!(refused(in_graph(vec![plain, elsewhere.clone()])));
        let inner = in_graph(vec![elsewhere.clone()]);
        for attribute in [
            AttributeConstants {
                t: Some(elsewhere.clone()),
                ..Default::default()
            },
            AttributeConstants {
                tensors: vec![elsewhere],
                ..Default::default()
            },
            AttributeConstants {
                g: Some(Box::new(inner.clone())),
                ..Default::default()
            },
            AttributeConstants {
                graphs: vec![inner],
                ..Default::default()
            },
        ] {
            let node = vec![NodeConstants {
                attribute: vec![attribute],
            }];
            assert!(refused(GraphConstants {
                node,
                initializer: vec![]
            }));
        }
    }

    #[test]
    fn a_key_is_the_sha256_in_hexadecimal() {
        assert_eq!(
            key_of(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
