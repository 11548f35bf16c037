//! How many faces a network takes in a run.

use super::*;

#[test]
fn a_network_for_one_number_of_faces_reads_any_number() {
    let reshaped = |first: i64, input: i64| MeanModel {
        input: vec![input, 3, 4, 4],
        tail: vec![node("Reshape", &["scores", "shape"], "output", &[])],
        constants: vec![whole("shape", &[first, 3])],
        outputs: vec![("output", DataType::Float, vec![input, 3])],
        ..Default::default()
    };
    for batch in [1, 4] {
        let fixed = MeanModel {
            input: vec![batch, 3, 4, 4],
            outputs: vec![("output", DataType::Float, vec![batch, 3])],
            ..Default::default()
        };
        assert_eq!(load(&fixed).graph().batch, Some(batch as usize));
        assert_reads(&load(&fixed), "fixed", right);
        assert_reads(&load(&reshaped(batch, batch)), "fixed and reshaped", right);
    }
    // Nothing at the ends tells of it.
    assert_eq!(load(&reshaped(1, -1)).graph().batch, None);
    assert_reads(&load(&reshaped(1, -1)), "reshaped", right);
    // With 1 in place of all faces and -1 for the rest, two faces give one row of six.
    let mut rest = reshaped(1, -1);
    rest.constants = vec![whole("shape", &[1, -1])];
    assert_reads(&load(&rest), "reshaped", right);
}

#[test]
fn faces_that_a_network_mixes_are_run_one_by_one() {
    // Scores less the largest of all faces, twice: the first face is read by the second.
    let model = load(&MeanModel {
        tail: vec![
            {
                let mut largest = node("ReduceMax", &["scores"], "largest", &[("keepdims", 1)]);
                largest.attribute.push(AttributeProto::ints("axes", &[0]));
                largest
            },
            node("Sub", &["scores", "largest"], "output", &[]),
        ],
        ..Default::default()
    });
    assert_reads(&model, "mixed", |_| vec![1.0 / 3.0; 3]);
}
